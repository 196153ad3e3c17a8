-- What later notices made shorter, of what came in before them.
CREATE TABLE kept_shorter (
    deployment TEXT NOT NULL,
    field TEXT NOT NULL,
    came_before BIGINT NOT NULL,
    days BIGINT NOT NULL,
    gone_at BIGINT NOT NULL,
    done_until BIGINT NOT NULL,
    PRIMARY KEY (deployment, field, came_before)
);
