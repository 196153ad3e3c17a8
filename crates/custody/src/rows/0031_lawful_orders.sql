CREATE TABLE lawful_order (
    number BIGINT PRIMARY KEY,
    recipient TEXT NOT NULL,
    purpose TEXT NOT NULL UNIQUE,
    deployment TEXT NOT NULL,
    data TEXT NOT NULL,
    fields TEXT NOT NULL,
    range_from BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    until BIGINT NOT NULL,
    embargo_until BIGINT,
    ended_at BIGINT,
    traffic_reads BIGINT NOT NULL DEFAULT 0,
    traffic_read_at BIGINT
);
CREATE INDEX lawful_order_deployment ON lawful_order (deployment, number);

CREATE TABLE lawful_order_person (
    number BIGINT NOT NULL REFERENCES lawful_order (number),
    person TEXT NOT NULL,
    PRIMARY KEY (number, person)
);
CREATE INDEX lawful_order_person_person ON lawful_order_person (person, number);
