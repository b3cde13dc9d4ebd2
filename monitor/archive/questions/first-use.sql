-- Title: First use of each provider, by tenant, as far as the archive goes
-- Days: all
-- Parameters: since, until, tenant, source_group, provider
-- Columns: tenant and provider; the day of its first use, and of the latest; source groups, clients, connections
SELECT
    tenant, provider,
    min(clients.first_day) AS first_day,
    max(clients.last_day) AS last_day,
    count(DISTINCT source_group) AS source_groups,
    count(DISTINCT client) AS clients,
    sum(clients.connections) AS connections
FROM (
    SELECT
        tenant, provider, source_group, client,
        min(day) AS first_day,
        max(day) AS last_day,
        count(*) AS connections
    FROM decisions
    WHERE provider IS NOT NULL
      AND ($until IS NULL OR day <= $until)
      AND ($tenant IS NULL OR tenant = $tenant)
      AND ($source_group IS NULL OR source_group = $source_group)
      AND ($provider IS NULL OR provider = $provider)
    GROUP BY tenant, provider, source_group, client
) AS clients
GROUP BY tenant, provider
HAVING $since IS NULL OR min(clients.first_day) >= $since
ORDER BY first_day DESC, tenant, provider
