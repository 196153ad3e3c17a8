CREATE TABLE assignment_in_time (
    thing TEXT NOT NULL REFERENCES thing (id),
    person TEXT NOT NULL,
    role TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT,
    PRIMARY KEY (thing, person, role, valid_from)
);
INSERT INTO assignment_in_time (thing, person, role, valid_from, valid_until)
    SELECT thing, person, role, 0, NULL FROM assignment;
DROP TABLE assignment;
CREATE INDEX assignment_in_time_person ON assignment_in_time (person);

CREATE TABLE cap (
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    purpose TEXT NOT NULL,
    most TEXT NOT NULL,
    PRIMARY KEY (kind, target, purpose)
);

CREATE INDEX choice_deployment ON choice (deployment, person, field, purpose, recipient);
CREATE INDEX access_grant_deployment ON access_grant (deployment);
