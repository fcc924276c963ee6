"""Hotdog or not: accuracy praises a net that misses most hotdogs; class weights find more of them.

Three rounds on photos of 64x64 pixels, of which one in eight shows a hotdog: 10 epochs; 10 more with weights 7 to 1; 20
more. Takes some minutes. SECONDLOOK_DATA is the folder that holds hotdog/food101_64px/{train,validation,test}.
"""

import os
import sys
import tempfile
from pathlib import Path

import secondlook as sl
from secondlook.show.terminal import table_text

if "SECONDLOOK_DATA" not in os.environ:
    print("not run: set SECONDLOOK_DATA to the folder that holds hotdog/food101_64px")
    sys.exit(0)
photos = Path(os.environ["SECONDLOOK_DATA"], "hotdog", "food101_64px")

with tempfile.TemporaryDirectory() as folder:
    first = sl.compare(photos, models=["majority", "cnn-wide"], epochs=10, out=Path(folder) / "first")
    second = sl.continue_run(first.path, "cnn-wide", epochs=10, class_weight={"hotdog": 7}, out=Path(folder) / "second")
    third = sl.continue_run(second.path, "cnn-wide", epochs=20, out=Path(folder) / "third")
    print(table_text(third))
    hotdog = third.data["classes"].index("hotdog")
    recall = [one.recall[hotdog] for one in third.rounds]
    assert recall[1] > recall[0], "more hotdogs are found with the weights"
    assert "M101" in [f.code for f in first.findings], "the majority's accuracy is flagged"
    assert "M103" in [f.code for f in third.findings], "overfitting is found"
