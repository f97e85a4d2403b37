# date,precipitation,temp_max,temp_min,wind,weather -> one row a month
BEGIN { OFS = ","; print "year,month,days,mean_max,mean_min,rain_mm,wet_days" }
FNR == 1 { next }
{
    split($1, date, "/"); m = date[2] + 0
    days[m]++; max[m] += $3; min[m] += $4; rain[m] += $2
    if ($2 >= wet_from) wet[m]++
}
END {
    for (m = 1; m <= 12; m++)
        if (days[m])
            printf "%s,%02d,%d,%.1f,%.1f,%.1f,%d\n", year, m, days[m], max[m] / days[m], min[m] / days[m], rain[m], wet[m]
}
