-- Title: How much could be seen, by site and day
-- Table: coverage
-- Parameters: since, until, tenant, source_group, sensor
-- Columns: sensor (or replay) and day; connections, how many could be named, packets that were lost unread, windows
SELECT
    site, day,
    sum(flows) AS connections,
    sum(named_flows) AS named_connections,
    CASE WHEN sum(flows) = 0 THEN NULL ELSE floor(1000.0 * sum(named_flows) / sum(flows)) / 10.0 END AS named_percent,
    sum(read_packets) AS packets,
    sum(unread_packets) AS packets_unread,
    sum(blind_windows) AS windows_blind,
    count(*) AS windows
FROM (
    SELECT
        coalesce(sensor, source) AS site, day, since, until,
        CASE WHEN whole THEN NULL ELSE tenant END AS whose,
        CASE WHEN whole THEN NULL ELSE source_group END AS who,
        max(connections) AS flows,
        max(named) AS named_flows,
        max(packets) AS read_packets,
        max(unread) AS unread_packets,
        max(CASE WHEN length(blind) > 0 THEN 1 ELSE 0 END) AS blind_windows
    FROM coverage
    WHERE ($since IS NULL OR day >= $since)
      AND ($until IS NULL OR day <= $until)
      AND ($tenant IS NULL OR tenant = $tenant)
      AND ($source_group IS NULL OR source_group = $source_group)
      AND ($sensor IS NULL OR sensor = $sensor)
    GROUP BY site, day, since, until, whose, who
) AS seen
GROUP BY site, day
ORDER BY site, day
