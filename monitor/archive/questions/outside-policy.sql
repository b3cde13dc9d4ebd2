-- Title: Who reached what outside policy
-- Classes: violation
-- Parameters: since, until, tenant, source_group, provider
-- Columns: whose and which client, what it reached and where, by which rule; connections, bytes, first and last day
SELECT
    tenant, source_group, data_class, client, provider, service, scope, region, country, rule,
    count(*) AS connections,
    sum(bytes_up) AS up_bytes,
    sum(bytes_down) AS down_bytes,
    min(day) AS first_day,
    max(day) AS last_day
FROM decisions
WHERE class = 'violation'
  AND ($since IS NULL OR day >= $since)
  AND ($until IS NULL OR day <= $until)
  AND ($tenant IS NULL OR tenant = $tenant)
  AND ($source_group IS NULL OR source_group = $source_group)
  AND ($provider IS NULL OR provider = $provider)
GROUP BY tenant, source_group, data_class, client, provider, service, scope, region, country, rule
ORDER BY connections DESC, up_bytes DESC, tenant, source_group, data_class, client, provider, service, scope,
    region, country, rule
