CREATE TABLE webhook_told (
    webhook TEXT NOT NULL REFERENCES webhook (id),
    notice TEXT NOT NULL,
    PRIMARY KEY (webhook, notice)
);
