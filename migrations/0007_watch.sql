-- The watcher's second opinion: a digest of each log as the chain gave it, so that other endpoints' logs can be
-- held against what is stored, and how far everything is final for us.

ALTER TABLE evidence ADD COLUMN digest bytea CHECK (length(digest) = 32);   -- NULL: stored before this file

ALTER TABLE head DROP CONSTRAINT head_level_check;
ALTER TABLE head ADD CONSTRAINT head_level_check
    CHECK (level IN ('latest', 'safe', 'finalized', 'policy', 'scanned', 'final'));

-- Until now: whatever was both scanned and final by policy.
INSERT INTO head (level, number, hash, time)
SELECT 'final', number, hash, time FROM head
WHERE level IN ('policy', 'scanned') AND (SELECT count(*) FROM head WHERE level IN ('policy', 'scanned')) = 2
ORDER BY number LIMIT 1;
