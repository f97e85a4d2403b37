# Monthly mean maxima as an SVG line chart, a line a year.
function x(month) { return 60 + (month - 1) * 50 }
function y(degrees) { return 320 - degrees * 9 }
NR > 1 {
    if (!($1 in line)) years[++n] = $1
    line[$1] = line[$1] " " x($2 + 0) "," y($4)
}
END {
    split("#4477aa #ee6677 #228833 #ccbb44 #66ccee #aa3377", colour, " ")
    split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", name, " ")
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"380\" font-family=\"sans-serif\" font-size=\"12\">"
    print "<rect width=\"720\" height=\"380\" fill=\"white\"/>"
    print "<text x=\"60\" y=\"24\" font-size=\"16\">Seattle: mean daily maximum by month (°C)</text>"
    for (d = 0; d <= 30; d += 5) {
        printf "<line x1=\"60\" x2=\"610\" y1=\"%d\" y2=\"%d\" stroke=\"#ddd\"/>", y(d), y(d)
        printf "<text x=\"50\" y=\"%d\" text-anchor=\"end\">%d</text>\n", y(d) + 4, d
    }
    for (m = 1; m <= 12; m++) printf "<text x=\"%d\" y=\"340\" text-anchor=\"middle\">%s</text>\n", x(m), name[m]
    for (i = 1; i <= n; i++) {
        c = colour[(i - 1) % 6 + 1]
        printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"%s\"/>", c, substr(line[years[i]], 2)
        printf "<text x=\"640\" y=\"%d\" fill=\"%s\">%s</text>\n", 60 + 20 * i, c, years[i]
    }
    print "</svg>"
}
