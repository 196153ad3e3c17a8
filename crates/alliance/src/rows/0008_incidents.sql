CREATE TABLE incident (
    number BIGINT PRIMARY KEY,
    exposure TEXT NOT NULL,
    party TEXT,
    range_from BIGINT NOT NULL,
    range_until BIGINT NOT NULL,
    aware_at BIGINT NOT NULL,
    what_en TEXT NOT NULL,
    what_ur TEXT NOT NULL,
    done_en TEXT NOT NULL,
    done_ur TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    reported_at BIGINT,
    told_at BIGINT,
    sealed BIGINT
);

CREATE TABLE incident_person (
    number BIGINT NOT NULL REFERENCES incident (number),
    person TEXT NOT NULL,
    fields TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (number, person)
);
CREATE INDEX incident_person_person ON incident_person (person, number);
