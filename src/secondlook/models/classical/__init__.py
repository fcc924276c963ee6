"""The classical models of the ladder. Import it lazily: it loads scikit-learn."""

from __future__ import annotations

from secondlook.models.base import ImageClassifier, InputError
from secondlook.models.classical.baseline import Majority
from secondlook.models.classical.entries import CLASSICAL
from secondlook.models.classical.logistic import Logistic
from secondlook.models.classical.neighbours import KNN, TunedKNN
from secondlook.models.classical.svm import LinearSVM, PolySVM, RbfSVM
from secondlook.models.classical.trees import Boosting, Forest

__all__ = [
    "CLASSICAL",
    "KNN",
    "Boosting",
    "Forest",
    "ImageClassifier",
    "InputError",
    "LinearSVM",
    "Logistic",
    "Majority",
    "PolySVM",
    "RbfSVM",
    "TunedKNN",
]
