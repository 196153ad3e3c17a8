ALTER TABLE erasure ADD COLUMN cause TEXT NOT NULL DEFAULT 'asked';
ALTER TABLE commons_unlinking ADD COLUMN erasure TEXT;
ALTER TABLE export_job ADD COLUMN gone_at BIGINT;
