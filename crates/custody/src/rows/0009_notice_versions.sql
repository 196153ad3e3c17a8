CREATE TABLE notice_version (
    deployment TEXT NOT NULL REFERENCES deployment (id),
    version BIGINT NOT NULL,
    published_at BIGINT,
    source TEXT NOT NULL,
    PRIMARY KEY (deployment, version)
);

INSERT INTO notice_version (deployment, version, published_at, source)
SELECT id, notice_version,
    (SELECT MAX(at) FROM record_entry WHERE kind = 'notice-published' AND about = 'deployment:' || deployment.id),
    notice
FROM deployment;

INSERT INTO notice_version (deployment, version, published_at, source)
SELECT choice_notice.deployment, choice_notice.version,
    (SELECT MIN(at) FROM record_entry WHERE kind = 'notice-published'
        AND about = 'deployment:' || choice_notice.deployment
        AND document_sha256 = choice_notice.sha256),
    choice_notice.source
FROM choice_notice
INNER JOIN deployment ON deployment.id = choice_notice.deployment
WHERE choice_notice.version < deployment.notice_version;
