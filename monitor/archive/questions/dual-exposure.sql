-- Title: Clients that reached one provider both within policy and outside
-- Classes: violation, allow, excepted
-- Parameters: since, until, tenant, source_group, provider
-- Columns: whose and which client, the provider; connections within policy and outside, bytes outside, last day outside
SELECT
    tenant, source_group, client, provider,
    sum(CASE WHEN class = 'violation' THEN 0 ELSE 1 END) AS within,
    sum(CASE WHEN class = 'violation' THEN 1 ELSE 0 END) AS outside,
    sum(CASE WHEN class = 'violation' THEN bytes_up ELSE 0 END) AS outside_up_bytes,
    max(CASE WHEN class = 'violation' THEN day END) AS last_day_outside
FROM decisions
WHERE provider IS NOT NULL AND class IN ('violation', 'allow', 'excepted')
  AND ($since IS NULL OR day >= $since)
  AND ($until IS NULL OR day <= $until)
  AND ($tenant IS NULL OR tenant = $tenant)
  AND ($source_group IS NULL OR source_group = $source_group)
  AND ($provider IS NULL OR provider = $provider)
GROUP BY tenant, source_group, client, provider
HAVING sum(CASE WHEN class = 'violation' THEN 1 ELSE 0 END) > 0
   AND sum(CASE WHEN class = 'violation' THEN 0 ELSE 1 END) > 0
ORDER BY outside DESC, tenant, source_group, client, provider
