"""Draws the data and the model's line: `python3 -m PACKAGE.plots FEATURES MODEL FIGURE`."""

import csv
import json
import sys

WIDTH, HEIGHT, MARGIN = 480, 320, 40


def main(features, model, figure):
    with open(features, newline="") as source:
        points = [(float(row["x"]), float(row["y"])) for row in csv.DictReader(source)]
    with open(model) as source:
        line = json.load(source)
    low = min(x for x, _ in points), min(y for _, y in points)
    high = max(x for x, _ in points), max(y for _, y in points)

    def place(x, y):
        across = MARGIN + (x - low[0]) / (high[0] - low[0]) * (WIDTH - 2 * MARGIN)
        up = HEIGHT - MARGIN - (y - low[1]) / (high[1] - low[1]) * (HEIGHT - 2 * MARGIN)
        return f"{across:.1f}", f"{up:.1f}"

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">']
    for x, y in points:
        across, up = place(x, y)
        parts.append(f'<circle cx="{across}" cy="{up}" r="4" fill="#2a6f97"/>')
    ends = [place(x, line["slope"] * x + line["intercept"]) for x in (low[0], high[0])]
    (x1, y1), (x2, y2) = ends
    parts.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#bc4749"/>')
    parts.append(f'<text x="{MARGIN}" y="20">Yield by rain</text>')
    parts.append("</svg>")
    with open(figure, "w") as target:
        target.write("\n".join(parts) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
