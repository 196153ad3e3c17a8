-- When a grant was given: nothing that came in before can be had by it later, whatever it says it is valid from. Of those that are
-- there already nobody knows it; they count from the last act that the record knows.
ALTER TABLE access_grant ADD COLUMN granted_at BIGINT NOT NULL DEFAULT 0;
UPDATE access_grant SET granted_at = (SELECT COALESCE(MAX(at), 0) FROM record_entry);

-- When the limits of the rulebook were last changed; the same.
CREATE TABLE caps_changed (
    one BIGINT PRIMARY KEY,
    at BIGINT NOT NULL
);
INSERT INTO caps_changed (one, at) SELECT 1, COALESCE(MAX(at), 0) FROM record_entry;
