"""Makes the columns that the model learns from: `python3 -m PACKAGE.features CLEAN FEATURES`."""

import csv
import sys


def features(row):
    """One row of numbers: `x` is what is known, `y` is what is to be told."""
    return {"year": int(row["year"]), "x": float(row["rain"]) / 100, "y": float(row["yield"])}


def main(cleaned, made):
    with open(cleaned, newline="") as source:
        rows = [features(row) for row in csv.DictReader(source)]
    with open(made, "w", newline="") as target:
        writer = csv.DictWriter(target, fieldnames=["year", "x", "y"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
