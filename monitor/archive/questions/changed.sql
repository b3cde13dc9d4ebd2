-- Title: What changed since last quarter
-- Days: all
-- Parameters: until, tenant, source_group, provider
-- Columns: whose, provider and outcome; connections and clients of the quarter before, and of that of the last day
SELECT
    tenant, source_group, provider, class AS outcome,
    sum(clients.before) AS before,
    sum(clients.now) AS now,
    count(CASE WHEN clients.before > 0 THEN client END) AS clients_before,
    count(CASE WHEN clients.now > 0 THEN client END) AS clients_now
FROM (
    SELECT
        tenant, source_group, provider, class, client,
        sum(CASE WHEN day < date_trunc('quarter', latest) THEN 1 ELSE 0 END) AS before,
        sum(CASE WHEN day < date_trunc('quarter', latest) THEN 0 ELSE 1 END) AS now
    FROM decisions
    CROSS JOIN (SELECT coalesce($until, max(day)) AS latest FROM decisions) AS ends
    WHERE day <= latest
      AND day >= date_trunc('quarter', latest) - INTERVAL 3 MONTH
      AND ($tenant IS NULL OR tenant = $tenant)
      AND ($source_group IS NULL OR source_group = $source_group)
      AND ($provider IS NULL OR provider = $provider)
    GROUP BY tenant, source_group, provider, class, client
) AS clients
GROUP BY tenant, source_group, provider, class
ORDER BY tenant, source_group, provider, outcome
