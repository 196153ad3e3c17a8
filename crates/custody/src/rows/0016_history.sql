-- When a grant was given: nothing that came in before can be had by it later, whatever it says it is valid from.
-- 0 for grants that were given before this was kept: they count from what they say.
ALTER TABLE access_grant ADD COLUMN granted_at BIGINT NOT NULL DEFAULT 0;

-- When the limits of the rulebook were last changed.
CREATE TABLE caps_changed (
    one BIGINT PRIMARY KEY,
    at BIGINT NOT NULL
);
