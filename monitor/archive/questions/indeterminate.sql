-- Title: What stays indeterminate, and why
-- Classes: indeterminate
-- Parameters: since, until, tenant, source_group, provider
-- Columns: how it was named, scope and certainty of the evidence, provider; connections, clients, bytes
SELECT
    tenant, coverage, scope, certainty, provider,
    count(*) AS connections,
    count(DISTINCT client) AS clients,
    sum(bytes_up) AS up_bytes
FROM decisions
WHERE class = 'indeterminate'
  AND ($since IS NULL OR day >= $since)
  AND ($until IS NULL OR day <= $until)
  AND ($tenant IS NULL OR tenant = $tenant)
  AND ($source_group IS NULL OR source_group = $source_group)
  AND ($provider IS NULL OR provider = $provider)
GROUP BY tenant, coverage, scope, certainty, provider
ORDER BY connections DESC, tenant, coverage, scope, certainty, provider
