"""What scores are called, and what they mean in a line, for a student. docs/scores.md has each in full."""

from __future__ import annotations

from collections.abc import Mapping

_NAMES: Mapping[str, str] = {
    "macro_f1": "macro F1", "weighted_f1": "weighted F1", "f1": "F1", "mcc": "Matthews correlation",
    "kappa": "Cohen's kappa", "log_loss": "log-loss", "brier": "Brier score",
    "expected_calibration_error": "calibration error", "roc_auc": "ROC-AUC", "top_3": "top 3", "top_5": "top 5",
}  # fmt: skip

MEANINGS: Mapping[str, str] = {
    "accuracy": "Share of right answers.",
    "balanced_accuracy": "Mean of the classes' recalls: each class counts the same, however common it is.",
    "macro_precision": "Mean of the classes' precisions.",
    "macro_recall": "Mean of the classes' recalls; also of classes that are answered but have no images.",
    "macro_f1": "Mean of the classes' F1.",
    "weighted_precision": "Mean of the classes' precisions, each weighted by its images.",
    "weighted_recall": "Mean of the classes' recalls, each weighted by its images: the accuracy.",
    "weighted_f1": "Mean of the classes' F1, each weighted by its images.",
    "mcc": "Correlation of labels and answers: 1 is perfect, 0 is what guessing gets, whatever the classes' shares.",
    "kappa": "How far accuracy lies above that of answers given by chance with the same frequencies: 1 is perfect.",
    "log_loss": "Mean of −ln(probability given to the right class). Lower is better; sure and wrong costs most.",
    "brier": "Mean squared distance of the probabilities from the truth. Lower is better.",
    "expected_calibration_error": "How far the answers' probabilities lie from the share that is right. Lower is "
    "better.",
    "roc_auc": "How likely an image of a class gets a higher probability of it than another image; mean over classes.",
    "average_precision": "Mean precision over the images of a class when answered from the surest down; mean over "
    "classes.",
    "top_3": "Share of images whose label is among the three most probable classes.",
    "top_5": "Share of images whose label is among the five most probable classes.",
    "precision": "Of the answers that name the class, the share that is right.",
    "recall": "Of the images of the class, the share that is found.",
    "f1": "2 × hits / (images of the class + answers of the class).",
    "support": "Images of the class.",
}
# Lower is better.
LOSSES = ("log_loss", "brier", "expected_calibration_error")


def score_name(metric: str) -> str:
    """balanced_accuracy: balanced accuracy; mcc: Matthews correlation."""
    return _NAMES.get(metric, metric.replace("_", " "))
