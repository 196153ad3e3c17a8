CREATE TABLE codec (
    sha256 TEXT PRIMARY KEY,
    source TEXT NOT NULL
);

CREATE TABLE codec_owner (
    owner TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL REFERENCES codec (sha256),
    changed_at BIGINT NOT NULL
);
