/** 'HFAP': marks the file as ours. */
export const APPLICATION_ID = 0x48464150;
/** Layout of the tables; a newer one is refused, never guessed at. */
export const USER_VERSION = 1;

export const CREATE_TABLES = `
CREATE TABLE state (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO state VALUES ('resourceVersion', 0), ('compacted', 0);
CREATE TABLE objects (
  resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
  rv INTEGER NOT NULL, uid TEXT NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY (resource, namespace, name)
) WITHOUT ROWID;
CREATE INDEX objects_uid ON objects (uid);
CREATE TABLE owners (
  owner TEXT NOT NULL, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (owner, resource, namespace, name)
) WITHOUT ROWID;
CREATE INDEX owners_object ON owners (resource, namespace, name);
CREATE TABLE events (
  rv INTEGER PRIMARY KEY, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
  type TEXT NOT NULL, text TEXT NOT NULL, previous TEXT
);
CREATE INDEX events_resource ON events (resource, rv);
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${USER_VERSION};
`;
