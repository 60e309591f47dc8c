package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
)

// migrationFiles is append-only: a released file is never edited. The n-th file in
// name order takes the schema from version n-1 to n.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationLock is an advisory lock: one process at a time brings a schema up to
// date ("Prly").
const migrationLock = 0x50726c79

// migrate brings the schema up to date, all steps in one transaction. It refuses
// one that a newer program wrote, and one that is not empty and not Parley's.
func migrate(ctx context.Context, c *pgx.Conn) error {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, c, func(t pgx.Tx) error {
		if _, err := t.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
			return err
		}
		var schema *string
		var tables, ours int
		err := t.QueryRow(ctx, `SELECT current_schema(), count(*), count(*) FILTER (WHERE tablename = 'parley_schema')
			FROM pg_tables WHERE schemaname = current_schema()`).Scan(&schema, &tables, &ours)
		if err != nil {
			return err
		}
		version := 0
		switch {
		case schema == nil:
			return errors.New("the schema named by search_path does not exist; create it, or leave search_path out")
		case ours == 1:
			if err := t.QueryRow(ctx, "SELECT version FROM parley_schema").Scan(&version); err != nil {
				return err
			}
		case tables > 0:
			return fmt.Errorf("schema %q holds tables that are not Parley's; give Parley a database or schema of its own", *schema)
		default:
			if _, err := t.Exec(ctx, "CREATE TABLE parley_schema (version int NOT NULL); INSERT INTO parley_schema VALUES (0)"); err != nil {
				return err
			}
		}
		if version > len(files) {
			return fmt.Errorf("schema version %d is newer than this program's %d; use a newer program", version, len(files))
		}
		for _, name := range files[version:] {
			script, err := migrationFiles.ReadFile(name)
			if err != nil {
				return err
			}
			if _, err := t.Exec(ctx, string(script)); err != nil {
				return fmt.Errorf("migration %s: %w", name, err)
			}
		}
		_, err = t.Exec(ctx, "UPDATE parley_schema SET version = $1", len(files))
		return err
	})
}
