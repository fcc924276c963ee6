"""What the report's terms mean, written for a student."""

from __future__ import annotations

from secondlook.show.facts import means
from secondlook.types import Run


def glossary(run: Run) -> dict[str, str]:
    """What the terms mean in this run."""
    if run.cv is None:
        return GLOSSARY
    mean = means(run)
    mean = mean[0].upper() + mean[1:]
    changed = {
        "test accuracy": f"Share of images answered rightly. {mean}; in each, the images of one fold are answered by "
        "models that were fitted and chosen on the others.",
        "interval": "95 % interval by Nadeau and Bengio, for folds whose training images overlap: were new images of "
        "the same kind divided in the same way, 95 of 100 such intervals would hold the true accuracy. ± gives its "
        "longer arm. Where all folds score the same it is Wilson's.",
        "fit s": "Seconds of wall-clock time to fit one fold, on average. To compile a net's engine is not part of it.",
        "MB": "Peak memory of the processes that fitted the model, the highest, in megabytes (10⁶ bytes).",
    }
    return {**GLOSSARY, **changed}


# One line each, for a student. The keys are the table's column names.
GLOSSARY: dict[str, str] = {
    "test accuracy": "Share of the test images answered rightly. The test images were looked at once, after "
    "everything was chosen.",
    "interval": "95 % Wilson interval: were the test repeated with other images of the same kind, 95 of 100 such "
    "intervals would hold the true accuracy. ± gives its longer arm.",
    "points": "Difference of two accuracies in percentage points: from 90 % to 92 % are 2 points.",
    "paired interval": "95 % interval of the difference, from the same test images for both models: narrower than two "
    "separate intervals, since an image that both get right or both get wrong says nothing of their difference.",
    "only one right": "Test images that only the first model, and that only the second gets right.",
    "p (Holm)": "How often two equally good models would differ at least so much; corrected by Holm's method for the "
    "number of pairs. Below .05 one of the two is called better, else no difference is seen.",
    "could show": "The smallest difference in points that these test images would show four times out of five.",
    "chance": "What guessing evenly among the classes gets: 1 / number of classes.",
    "majority": "What always answering the most frequent training class gets on the test images.",
    "clean": "Test accuracy without the images that leak: an identical one, a nearly identical one, or one of the same "
    "group is in training or validation.",
    "balanced": "Balanced accuracy: the share of right answers within each class, averaged over the classes. A model "
    "that always says the same gets 1 / number of classes, however common that class is.",
    "macro F1": "For each class, F1 = 2 × hits / (images of the class + answers of the class); averaged over the "
    "classes. Low when a class is missed or is answered too often.",
    "log-loss": "Mean of −ln(probability given to the right class). 0 is perfect; being sure and wrong costs most.",
    "seeds": "Mean test accuracy over several seeds, ± the standard deviation of one: how far chance alone (the first "
    "weights, the order of the images) moves a model. The other scores are the first seed's.",
    "valid": "Accuracy on the validation images, which stopped the training and chose the model: slightly flattering.",
    "train": "Accuracy on the images that the model learnt from. Far above test: it has learnt them by heart.",
    "trained": "Numbers (parameters, weights) found by learning.",
    "stored": "Numbers that must be kept to predict. A nearest-neighbour model trains none and keeps all its images.",
    "mult-adds": "Multiplications with an addition needed to answer for one image.",
    "fit s": "Seconds of wall-clock time to fit. A search for settings is not included; the model's note says how long "
    "it took. Nor is what it takes to choose and compile a net's engine, once on a machine.",
    "µs/image": "Microseconds (millionths of a second) to predict one image, when warm, on the whole test part.",
    "MB": "Peak memory of the process that fitted the model, in megabytes (10⁶ bytes).",
    "support": "How many test images belong to the class.",
    "precision": "Of the answers that name the class, the share that is right. Low when it is answered too often.",
    "recall": "Of the images of the class, the share that is answered rightly. Low when the class is missed. Drawn "
    "with its 95 % interval.",
    "F1": "2 × hits / (images of the class + answers of the class): high only when precision and recall both are.",
    "ROC-AUC": "How likely an image of the class gets a higher probability of it than an image of another class: .5 is "
    "what guessing gets.",
    "average precision": "Mean precision over the images of the class, when images are answered from the surest down.",
    "epoch": "One pass through the training images. The weights of the best epoch on validation are kept.",
    "overfitting": "From some epoch on, the loss on validation images rises while that on training images still falls.",
    "probe": "Accuracy on test images that were moved, turned, noised or inverted: whether a model has learnt a "
    "pattern, or where it lies.",
    "temperature": "What the logarithms of probabilities are divided by to make them as sure as they should be, fitted "
    "on validation. Above 1, the model was too sure.",
    "confusion matrix": "Line: the given class. Column: the answer. Off the diagonal stand the mistakes.",
    "efficient frontier": "The models for which no other is both smaller and at least as accurate.",
}
