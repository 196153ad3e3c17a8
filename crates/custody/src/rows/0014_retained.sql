-- What whoever subscribes later gets: the last message of a thing that it asked to be retained, sealed.
CREATE TABLE retained (
    thing TEXT PRIMARY KEY REFERENCES thing (id),
    deployment TEXT NOT NULL REFERENCES deployment (id),
    sealed BYTEA NOT NULL
);
