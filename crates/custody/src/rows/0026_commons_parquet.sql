-- The table of a release once more, for programs that calculate. Releases from before have none.
ALTER TABLE commons_release ADD COLUMN parquet BYTEA;
