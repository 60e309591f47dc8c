package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley.example/parley/internal/node"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("parley_"+name, help, labels, nil)
}

var (
	leads       = desc("leads", "1 where this process has the node open; of several processes one does.")
	failed      = desc("figures_failed", "1 where the node could not be asked for its figures.")
	incidents   = desc("incidents", "Incidents held.")
	objects     = desc("objects", "Objects held.")
	waiting     = desc("waiting", "What waits for a person, by kind.", "kind")
	alarms      = desc("alarms", "Contradictions of other parties that were found.")
	restored    = desc("logs_behind_signatures", "Own logs whose database is older than what was signed: it was restored.")
	contact     = desc("partner_last_contact_timestamp_seconds", "When a partner was last heard, under any accord; 0: never.", "party")
	outgoing    = desc("partner_waiting_out", "Entries that wait to go to a partner, over all accords.", "party")
	suspended   = desc("partner_suspended", "Accords with a partner that are suspended.", "party")
	exchanges   = desc("exchanges_total", "Parcels exchanged since the node was opened.", "party", "direction", "result")
	feeds       = desc("feeds", "Feeds that are polled.")
	feedsFailed = desc("feeds_failing", "Feeds whose last poll failed.")
	cardEnds    = desc("card_expiry_timestamp_seconds", "When a party's card ends.", "party")
	certEnds    = desc("certificate_expiry_timestamp_seconds", "When the certificate of the console ends; absent where there is none that ends.")
	backup      = desc("last_backup_timestamp_seconds", "When a backup was last written here; 0: never.")
	diskFree    = desc("disk_free_bytes", "Room left on the disk of the node's folder.")
	database    = desc("database_bytes", "Size of the database in the node's folder; 0 on PostgreSQL.")
)

// collector reads a node's figures at each scrape.
type collector Set

// Describe lists everything that Collect may tell.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{leads, failed, incidents, objects, waiting, alarms, restored, contact, outgoing, suspended, exchanges, feeds, feedsFailed, cardEnds, certEnds, backup, diskFree, database} {
		out <- d
	}
}

// Collect asks the node.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	c.mu.Lock()
	src := c.source
	c.mu.Unlock()
	if src == nil {
		gauge(leads, 0)
		return
	}
	gauge(leads, 1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f, err := src.Figures(ctx)
	if err != nil {
		gauge(failed, 1) // why stands in the log of whoever else asks
		return
	}
	gauge(failed, 0)
	gauge(incidents, float64(f.Incidents))
	gauge(objects, float64(f.Objects))
	for kind, n := range f.Waiting {
		gauge(waiting, float64(n), kind)
	}
	gauge(alarms, float64(f.Alarms))
	gauge(restored, float64(f.Restored))
	for party, p := range byParty(f.Partners) {
		gauge(contact, p.contact, party)
		gauge(outgoing, p.waiting, party)
		gauge(suspended, p.suspended, party)
	}
	for _, x := range f.Exchanges {
		out <- prometheus.MustNewConstMetric(exchanges, prometheus.CounterValue, float64(x.Done), x.Party, x.Direction, "done")
		out <- prometheus.MustNewConstMetric(exchanges, prometheus.CounterValue, float64(x.Failed), x.Party, x.Direction, "failed")
	}
	gauge(feeds, float64(f.Feeds))
	gauge(feedsFailed, float64(f.FeedsFailing))
	for party, at := range f.CardEnds {
		gauge(cardEnds, float64(at.Unix()), party)
	}
	if !f.CertificateEnds.IsZero() {
		gauge(certEnds, float64(f.CertificateEnds.Unix()))
	}
	gauge(backup, unix(f.LastBackup))
	gauge(diskFree, float64(f.DiskFree))
	gauge(database, float64(f.DatabaseBytes))
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}

type partner struct{ contact, waiting, suspended float64 }

// byParty adds up over accords, whose ids and titles are nobody's business here.
func byParty(ps []node.Partner) map[string]partner {
	out := map[string]partner{}
	for _, p := range ps {
		x := out[p.Party]
		if p.LastContact != nil {
			if at, err := time.Parse(time.RFC3339, *p.LastContact); err == nil {
				x.contact = max(x.contact, float64(at.Unix()))
			}
		}
		x.waiting += float64(p.WaitingOut)
		if p.State == "suspended" {
			x.suspended++
		}
		out[p.Party] = x
	}
	return out
}
