"""Cleans the raw data: `python3 -m PACKAGE.dataset RAW CLEAN`."""

import csv
import sys


def clean(rows):
    """Rows that are complete, with plain names."""
    for row in rows:
        row = {name.lower().split()[0]: value.strip() for name, value in row.items()}
        if all(row.values()):
            yield row


def main(raw, cleaned):
    with open(raw, newline="") as source:
        rows = list(clean(csv.DictReader(source)))
    with open(cleaned, "w", newline="") as target:
        writer = csv.DictWriter(target, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
