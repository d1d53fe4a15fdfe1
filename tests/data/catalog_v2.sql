BEGIN TRANSACTION;
CREATE TABLE contents (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	space INTEGER NOT NULL,
	modality TEXT NOT NULL,
	hash BLOB NOT NULL,
	size INTEGER NOT NULL,
	part INTEGER NOT NULL,
	first_row INTEGER NOT NULL,
	windows INTEGER NOT NULL,
	duration_s FLOAT,
	facts JSON NOT NULL,
	valence FLOAT,
	arousal FLOAT,
	valence_sd FLOAT,
	arousal_sd FLOAT,
	UNIQUE (hash, modality, space),
	FOREIGN KEY(part) REFERENCES parts (id)
);
INSERT INTO "contents" VALUES(1,1,'music',X'8DCFA9F61B2C76A4870164F5D9A4A6DB',4,1,1,1,10.0,'{"bpm": 60.0, "key": "A minor", "damaged_packets": 0}',-7.61470198631286621093e-02,0.873373806476593,9.88276898860931396484e-01,-8.83005619049072265625e-01);
INSERT INTO "contents" VALUES(2,1,'music',X'2E60C25483B10E1B5A178CE7D6584994',4,1,3,2,15.0,'{"bpm": 61.0, "key": "A minor", "damaged_packets": 0}',1.66609346866607666015e-01,-0.261834055185318,-8.04553389549255371093e-01,4.64558675885200500488e-02);
CREATE TABLE failures (
	space INTEGER NOT NULL,
	modality TEXT NOT NULL,
	path BLOB NOT NULL,
	size INTEGER NOT NULL,
	mtime_ns INTEGER NOT NULL,
	hash BLOB,
	reason TEXT NOT NULL,
	at TEXT NOT NULL,
	PRIMARY KEY (space, modality, path)
);
INSERT INTO "failures" VALUES(1,'music',X'2F6D757369632F62726F6B656E2E6D7033',6,1795278583785822961,X'ECB25B4599DFE0F08A4BD3B6B2CCD401','cannot read ''broken.mp3'': not a toy','2026-11-21T16:29:44+00:00');
CREATE TABLE meta (
	id INTEGER NOT NULL,
	schema_version INTEGER NOT NULL,
	uid TEXT NOT NULL,
	space INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "meta" VALUES(1,2,'00000000000000000000000000000001',1,2);
CREATE TABLE modalities (
	space INTEGER NOT NULL,
	modality TEXT NOT NULL,
	columns JSON NOT NULL,
	inputs JSON NOT NULL,
	PRIMARY KEY (space, modality)
);
INSERT INTO "modalities" VALUES(1,'music','["loudness_db", "onset_rate", "tempo_bpm"]','["onset_rate", "loudness_db"]');
CREATE TABLE parts (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	space INTEGER NOT NULL,
	modality TEXT NOT NULL,
	name TEXT NOT NULL,
	rows INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	checksum TEXT NOT NULL,
	UNIQUE (name)
);
INSERT INTO "parts" VALUES(1,1,'music','e8b95ef46f504c94827afbdc1f6d1519.parquet',5,3451,'dff866d37bb20a867dafcd382234ae87');
CREATE TABLE recordings (
	content INTEGER NOT NULL, 
	recording INTEGER NOT NULL, 
	PRIMARY KEY (content), 
	FOREIGN KEY(content) REFERENCES contents (id)
);
CREATE TABLE roots (
	path BLOB NOT NULL,
	modality TEXT NOT NULL,
	folder BOOLEAN NOT NULL,
	mount BLOB NOT NULL,
	PRIMARY KEY (path, modality)
);
INSERT INTO "roots" VALUES(X'2F6D75736963','music',1,X'2F');
CREATE TABLE spaces (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	model TEXT NOT NULL,
	revision TEXT NOT NULL,
	dim INTEGER NOT NULL,
	UNIQUE (model, revision, dim)
);
INSERT INTO "spaces" VALUES(1,'fake','1',8);
CREATE TABLE tracks (
	id INTEGER NOT NULL,
	space INTEGER NOT NULL,
	modality TEXT NOT NULL,
	path BLOB NOT NULL,
	size INTEGER NOT NULL,
	mtime_ns INTEGER NOT NULL,
	content INTEGER NOT NULL,
	title TEXT,
	artist TEXT,
	album TEXT, genre TEXT, licence TEXT,
	PRIMARY KEY (id),
	UNIQUE (path, modality, space),
	FOREIGN KEY(content) REFERENCES contents (id)
);
INSERT INTO "tracks" VALUES(1,1,'music',X'2F6D757369632F302E6D7033',4,1795278583774946230,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "tracks" VALUES(2,1,'music',X'2F6D757369632F312E6D7033',4,1795278583782605557,2,'Title 1',NULL,NULL,NULL,NULL);
INSERT INTO "tracks" VALUES(3,1,'music',X'2F6D757369632F636F70792E6D7033',4,1795278583785741359,2,'Title 1',NULL,NULL,NULL,NULL);
CREATE INDEX ix_contents_part ON contents (part);
CREATE INDEX ix_tracks_content ON tracks (content);
CREATE INDEX ix_recordings_recording ON recordings (recording);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('spaces',1);
INSERT INTO "sqlite_sequence" VALUES('parts',1);
INSERT INTO "sqlite_sequence" VALUES('contents',2);
COMMIT;
