-- Title: Busiest hours outside policy
-- Classes: violation
-- Parameters: since, until, tenant, source_group, provider
-- Columns: the hour (UTC); connections outside policy, clients, providers, bytes
SELECT
    date_trunc('hour', first_packet) AS hour,
    count(*) AS connections,
    count(DISTINCT client) AS clients,
    count(DISTINCT provider) AS providers,
    sum(bytes_up) AS up_bytes
FROM decisions
WHERE class = 'violation'
  AND ($since IS NULL OR day >= $since)
  AND ($until IS NULL OR day <= $until)
  AND ($tenant IS NULL OR tenant = $tenant)
  AND ($source_group IS NULL OR source_group = $source_group)
  AND ($provider IS NULL OR provider = $provider)
GROUP BY hour
ORDER BY connections DESC, hour
