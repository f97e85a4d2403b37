"""Fits a line: `python3 -m PACKAGE.modeling.train --holdout N FEATURES MODEL`."""

import argparse
import csv
import json


def fit(points):
    """The line through the points with the least squares."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points)
    slope /= sum((x - mean_x) ** 2 for x, _ in points)
    return {"slope": round(slope, 6), "intercept": round(mean_y - slope * mean_x, 6)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--holdout", type=int, default=0, help="years at the end that are left out")
    parser.add_argument("features")
    parser.add_argument("model")
    args = parser.parse_args()
    with open(args.features, newline="") as source:
        points = [(float(row["x"]), float(row["y"])) for row in csv.DictReader(source)]
    model = fit(points[: len(points) - args.holdout])
    model["holdout"] = args.holdout
    with open(args.model, "w") as target:
        json.dump(model, target, indent=2)
        target.write("\n")


if __name__ == "__main__":
    main()
