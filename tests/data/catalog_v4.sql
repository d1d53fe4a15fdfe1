BEGIN TRANSACTION;
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
INSERT INTO "failures" VALUES(1,'music',X'2F6D757369632F62726F6B656E2E6D7033',6,1795962806430984999,X'ECB25B4599DFE0F08A4BD3B6B2CCD401','cannot read ''broken.mp3'': not a toy','2026-11-29T14:33:27+00:00');
CREATE TABLE "files" (
	id INTEGER NOT NULL, 
	space INTEGER NOT NULL, 
	modality TEXT NOT NULL, 
	path BLOB NOT NULL, 
	size INTEGER NOT NULL, 
	mtime_ns INTEGER NOT NULL, 
	track INTEGER NOT NULL, 
	title TEXT, 
	artist TEXT, 
	album TEXT, 
	genre TEXT, 
	licence TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (path, modality, space), 
	FOREIGN KEY(track) REFERENCES "tracks" (id)
);
INSERT INTO "files" VALUES(1,1,'music',X'2F6D757369632F302E6D7033',6,1795962806430746261,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "files" VALUES(2,1,'music',X'2F6D757369632F312E6D7033',6,1795962806430810944,2,'Title 1',NULL,NULL,NULL,NULL);
INSERT INTO "files" VALUES(3,1,'music',X'2F6D757369632F636F70792E6D7033',6,1795962806430910819,2,'Title 1',NULL,NULL,NULL,NULL);
CREATE TABLE meta (
	id INTEGER NOT NULL, 
	schema_version INTEGER NOT NULL, 
	uid TEXT NOT NULL, 
	space INTEGER NOT NULL, 
	generation INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "meta" VALUES(1,4,'00000000000000000000000000000001',1,7);
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
INSERT INTO "parts" VALUES(1,1,'music','8809659d92d6464d97b61e2c1e8a9669.parquet',5,12451,'9126bad9a90c70797ead16e626bf0f91');
CREATE TABLE recordings (
	track INTEGER NOT NULL, 
	recording INTEGER NOT NULL, 
	PRIMARY KEY (track), 
	FOREIGN KEY(track) REFERENCES "tracks" (id)
);
INSERT INTO "recordings" VALUES(1,2);
INSERT INTO "recordings" VALUES(2,2);
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
CREATE TABLE touched (
	track INTEGER NOT NULL, 
	generation INTEGER NOT NULL, 
	PRIMARY KEY (track)
);
INSERT INTO "touched" VALUES(1,3);
INSERT INTO "touched" VALUES(2,7);
CREATE TABLE "tracks" (
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
INSERT INTO "tracks" VALUES(1,1,'music',X'24CF53B8BE8F8CB38A457B0E890AB25E',6,1,1,1,10.0,'{"bpm": 60.0, "key": "A minor", "damaged_packets": 0, "bpm_confidence": 0.5, "bpm_alternative": 120.0, "key_confidence": null}',7.49010920524597167968e-01,9.99324321746826171875e-01,-4.54677611589431762695e-01,-0.999767005443573);
INSERT INTO "tracks" VALUES(2,1,'music',X'09A01B7FCDD5B2E53E0F9C6E82985229',6,1,3,2,15.0,'{"bpm": 61.0, "key": "A minor", "damaged_packets": 0, "bpm_confidence": 0.5, "bpm_alternative": 122.0, "key_confidence": null}',2.2606855630874633789e-01,6.4953809976577758789e-01,-6.5452270209789276123e-02,-7.44027614593505859375e-01);
CREATE INDEX ix_recordings_recording ON recordings (recording);
CREATE INDEX ix_tracks_part ON tracks (part);
CREATE INDEX ix_files_track ON files (track);
CREATE TRIGGER tracks_insert AFTER INSERT ON tracks BEGIN UPDATE meta SET generation = generation + 1 WHERE space = NEW.space; INSERT INTO touched SELECT NEW.id, generation FROM meta WHERE space = NEW.space ON CONFLICT (track) DO UPDATE SET generation = excluded.generation; END;
CREATE TRIGGER tracks_delete AFTER DELETE ON tracks BEGIN UPDATE meta SET generation = generation + 1 WHERE space = OLD.space; INSERT INTO touched SELECT OLD.id, generation FROM meta WHERE space = OLD.space ON CONFLICT (track) DO UPDATE SET generation = excluded.generation; END;
CREATE TRIGGER tracks_update AFTER UPDATE OF part, first_row, windows, duration_s, facts, valence, arousal, valence_sd, arousal_sd ON tracks WHEN (OLD.part, OLD.first_row, OLD.windows, OLD.duration_s, OLD.facts, OLD.valence, OLD.arousal, OLD.valence_sd, OLD.arousal_sd) IS NOT (NEW.part, NEW.first_row, NEW.windows, NEW.duration_s, NEW.facts, NEW.valence, NEW.arousal, NEW.valence_sd, NEW.arousal_sd) BEGIN UPDATE meta SET generation = generation + 1 WHERE space = NEW.space; INSERT INTO touched SELECT NEW.id, generation FROM meta WHERE space = NEW.space ON CONFLICT (track) DO UPDATE SET generation = excluded.generation; INSERT INTO touched SELECT OLD.id, generation FROM meta WHERE space = OLD.space ON CONFLICT (track) DO UPDATE SET generation = excluded.generation; END;
CREATE TRIGGER files_insert AFTER INSERT ON files BEGIN UPDATE meta SET generation = generation + 1 WHERE space = NEW.space; INSERT INTO touched SELECT NEW.track, generation FROM meta WHERE space = NEW.space ON CONFLICT (track) DO UPDATE SET generation = excluded.generation; END;
CREATE TRIGGER files_delete AFTER DELETE ON files BEGIN UPDATE meta SET generation = generation + 1 WHERE space = OLD.space; INSERT INTO touched SELECT OLD.track, generation FROM meta WHERE space = OLD.space ON CONFLICT (track) DO UPDATE SET generation = excluded.generation; END;
CREATE TRIGGER files_update AFTER UPDATE OF path, track, title, artist, genre, licence ON files WHEN (OLD.path, OLD.track, OLD.title, OLD.artist, OLD.genre, OLD.licence) IS NOT (NEW.path, NEW.track, NEW.title, NEW.artist, NEW.genre, NEW.licence) BEGIN UPDATE meta SET generation = generation + 1 WHERE space = NEW.space; INSERT INTO touched SELECT NEW.track, generation FROM meta WHERE space = NEW.space ON CONFLICT (track) DO UPDATE SET generation = excluded.generation; INSERT INTO touched SELECT OLD.track, generation FROM meta WHERE space = OLD.space ON CONFLICT (track) DO UPDATE SET generation = excluded.generation; END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('spaces',1);
INSERT INTO "sqlite_sequence" VALUES('parts',1);
INSERT INTO "sqlite_sequence" VALUES('tracks',2);
COMMIT;
