-- Title: New clients of a provider: since --since, or in the last 30 days, and not before in the archive
-- Days: all
-- Parameters: since, until, tenant, source_group, provider
-- Columns: whose and which client, the provider; its first day, connections, bytes
SELECT
    tenant, source_group, client, provider,
    min(day) AS first_day,
    count(*) AS connections,
    sum(bytes_up) AS up_bytes
FROM decisions
CROSS JOIN (SELECT coalesce($since, max(day) - INTERVAL 29 DAY) AS earliest FROM decisions) AS begins
WHERE provider IS NOT NULL
  AND ($until IS NULL OR day <= $until)
  AND ($tenant IS NULL OR tenant = $tenant)
  AND ($source_group IS NULL OR source_group = $source_group)
  AND ($provider IS NULL OR provider = $provider)
GROUP BY tenant, source_group, client, provider
HAVING min(day) >= max(earliest)
ORDER BY first_day DESC, tenant, source_group, client, provider
