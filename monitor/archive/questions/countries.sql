-- Title: Providers by country
-- Parameters: since, until, tenant, source_group, provider
-- Columns: country (of the endpoint, by its scope) and provider; connections, outside policy, bytes
SELECT
    country, scope, provider,
    count(*) AS connections,
    sum(CASE WHEN class = 'violation' THEN 1 ELSE 0 END) AS outside,
    sum(bytes_up) AS up_bytes,
    sum(bytes_down) AS down_bytes
FROM decisions
WHERE ($since IS NULL OR day >= $since)
  AND ($until IS NULL OR day <= $until)
  AND ($tenant IS NULL OR tenant = $tenant)
  AND ($source_group IS NULL OR source_group = $source_group)
  AND ($provider IS NULL OR provider = $provider)
GROUP BY country, scope, provider
ORDER BY country, connections DESC, scope, provider
