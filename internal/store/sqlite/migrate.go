package sqlite

import (
	"context"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// migrationFiles is append-only: a released file is never edited. The n-th
// file in name order takes the schema from version n-1 to n.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks the file as Parley's in its SQLite header ("Prly").
const applicationID = 0x50726c79

// migrate brings the schema up to date, each step in its own transaction. It
// refuses a file that a newer program wrote or that is not Parley's.
func migrate(c *conn) error {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return err
	}
	app, err := c.int64Of("PRAGMA application_id")
	if err != nil {
		return err
	}
	version, err := c.int64Of("PRAGMA user_version")
	if err != nil {
		return err
	}
	switch {
	case app != applicationID && (app != 0 || version != 0):
		return errors.New("not a Parley database")
	case version > int64(len(names)):
		return fmt.Errorf("schema version %d is newer than this program's %d; use a newer program", version, len(names))
	}
	for i := int(version); i < len(names); i++ {
		if err := migrateStep(c, names[i], i+1); err != nil {
			return fmt.Errorf("migration %s: %w", names[i], err)
		}
	}
	return nil
}

func migrateStep(c *conn, name string, version int) error {
	script, err := migrationFiles.ReadFile(name)
	if err != nil {
		return err
	}
	if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	// Another process may have taken this step while we waited for the lock.
	if now, err := c.int64Of("PRAGMA user_version"); err != nil || now >= int64(version) {
		_, rerr := c.exec("ROLLBACK")
		return errors.Join(err, rerr)
	}
	steps := []string{
		string(script),
		fmt.Sprintf("PRAGMA user_version = %d", version),
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		"COMMIT",
	}
	for _, sql := range steps {
		if err := c.run(sql); err != nil {
			_, rerr := c.exec("ROLLBACK")
			return errors.Join(err, rerr)
		}
	}
	return nil
}

// run executes a script of any number of statements, without caching it.
func (c *conn) run(script string) error {
	s, err := c.dc.Prepare(script)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.(driver.StmtExecContext).ExecContext(context.Background(), nil)
	return err
}
