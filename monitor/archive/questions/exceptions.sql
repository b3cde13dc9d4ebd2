-- Title: Exceptions that were used
-- Classes: excepted
-- Parameters: since, until, tenant, source_group, provider
-- Columns: exception and rule, who used it for which provider; connections, bytes, first and last day
SELECT
    exception, rule, tenant, source_group, provider,
    count(*) AS connections,
    count(DISTINCT client) AS clients,
    sum(bytes_up) AS up_bytes,
    min(day) AS first_day,
    max(day) AS last_day
FROM decisions
WHERE class = 'excepted'
  AND ($since IS NULL OR day >= $since)
  AND ($until IS NULL OR day <= $until)
  AND ($tenant IS NULL OR tenant = $tenant)
  AND ($source_group IS NULL OR source_group = $source_group)
  AND ($provider IS NULL OR provider = $provider)
GROUP BY exception, rule, tenant, source_group, provider
ORDER BY exception, connections DESC, rule, tenant, source_group, provider
