-- Title: Uploads by class of data
-- Parameters: since, until, tenant, source_group, provider
-- Columns: class of data and provider, what the policy said; connections, clients, bytes
SELECT
    tenant, data_class, provider, class AS outcome,
    sum(clients.connections) AS connections,
    count(client) AS clients,
    sum(clients.up_bytes) AS up_bytes,
    sum(clients.down_bytes) AS down_bytes
FROM (
    SELECT
        tenant, data_class, provider, class, client,
        count(*) AS connections,
        sum(bytes_up) AS up_bytes,
        sum(bytes_down) AS down_bytes
    FROM decisions
    WHERE ($since IS NULL OR day >= $since)
      AND ($until IS NULL OR day <= $until)
      AND ($tenant IS NULL OR tenant = $tenant)
      AND ($source_group IS NULL OR source_group = $source_group)
      AND ($provider IS NULL OR provider = $provider)
    GROUP BY tenant, data_class, provider, class, client
) AS clients
GROUP BY tenant, data_class, provider, class
ORDER BY up_bytes DESC, tenant, data_class, provider, outcome
