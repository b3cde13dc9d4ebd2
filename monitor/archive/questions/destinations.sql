-- Title: Top destinations by bytes
-- Parameters: since, until, tenant, source_group, provider
-- Columns: provider, service and place; connections, bytes
SELECT
    provider, service, scope, region, country,
    count(*) AS connections,
    sum(bytes_up) AS up_bytes,
    sum(bytes_down) AS down_bytes,
    sum(bytes_up) + sum(bytes_down) AS total_bytes
FROM decisions
WHERE ($since IS NULL OR day >= $since)
  AND ($until IS NULL OR day <= $until)
  AND ($tenant IS NULL OR tenant = $tenant)
  AND ($source_group IS NULL OR source_group = $source_group)
  AND ($provider IS NULL OR provider = $provider)
GROUP BY provider, service, scope, region, country
ORDER BY total_bytes DESC, provider, service, scope, region, country
