# Concatenates tables that have the same head.
NR == 1 { print }
FNR > 1 { print }
