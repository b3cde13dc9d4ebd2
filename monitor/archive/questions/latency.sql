-- Title: Handshake latency by provider and region
-- Parameters: since, until, tenant, source_group, provider
-- Columns: provider and region; connections with a measured handshake, the median and the least in milliseconds
SELECT
    provider, region,
    max(measured) AS connections,
    min(CASE WHEN below >= (measured + 1) / 2.0 THEN tenths END) / 10.0 AS median_ms,
    min(tenths) / 10.0 AS least_ms
FROM (
    SELECT
        provider, region, tenths,
        sum(flows) OVER (PARTITION BY provider, region ORDER BY tenths) AS below,
        sum(flows) OVER (PARTITION BY provider, region) AS measured
    FROM (
        SELECT provider, region, floor(handshake_rtt_ns / 100000) AS tenths, count(*) AS flows
        FROM decisions
        WHERE provider IS NOT NULL AND handshake_rtt_ns IS NOT NULL
          AND ($since IS NULL OR day >= $since)
          AND ($until IS NULL OR day <= $until)
          AND ($tenant IS NULL OR tenant = $tenant)
          AND ($source_group IS NULL OR source_group = $source_group)
          AND ($provider IS NULL OR provider = $provider)
        GROUP BY provider, region, tenths
    ) AS piles
) AS heaps
GROUP BY provider, region
ORDER BY provider, region
