CREATE TABLE record_witness (
    key TEXT PRIMARY KEY,
    is_asked BIGINT NOT NULL,
    size BIGINT NOT NULL,
    note TEXT NOT NULL,
    cosigned_at BIGINT,
    alarm TEXT,
    alarm_at BIGINT
);
