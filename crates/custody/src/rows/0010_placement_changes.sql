CREATE TABLE placement_change (
    person TEXT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    deployment TEXT NOT NULL,
    before_placement TEXT NOT NULL,
    before_destination TEXT,
    after_placement TEXT NOT NULL,
    after_destination TEXT,
    PRIMARY KEY (person, number)
);
