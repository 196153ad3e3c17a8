CREATE TABLE restored (
    at BIGINT PRIMARY KEY,
    backed_up_at BIGINT NOT NULL
);
