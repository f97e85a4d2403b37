"""Scores a model: `python3 -m PACKAGE.modeling.predict FEATURES MODEL SCORE`."""

import csv
import json
import sys


def main(features, model, score):
    with open(model) as source:
        line = json.load(source)
    with open(features, newline="") as source:
        rows = list(csv.DictReader(source))
    errors = []
    for row in rows[len(rows) - line["holdout"] :]:
        predicted = line["slope"] * float(row["x"]) + line["intercept"]
        errors.append(abs(predicted - float(row["y"])))
    mean = sum(errors) / len(errors) if errors else None
    result = {"years": len(errors), "mean_error": mean if mean is None else round(mean, 4)}
    with open(score, "w") as target:
        json.dump(result, target, indent=2)
        target.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
