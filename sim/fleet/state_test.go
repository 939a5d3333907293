package fleet

import (
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"clustercap/sim/des"
)

// A server must stay small: with its places in the lists (16 bytes) and an event of
// its own under way (24) it takes at most the 128 bytes promised.
func TestServerSize(t *testing.T) {
	if size := unsafe.Sizeof(Server{}); size > 88 {
		t.Errorf("a server takes %d bytes, at most 88 are allowed", size)
	}
}

// check holds the lists against the servers' own state.
func check(t *rapid.T, s *State) {
	var count [NumStatus]int64
	inService, held, drags := 0, 0, 0
	for i := range s.servers {
		v := &s.servers[i]
		count[v.Status]++
		switch v.Status {
		case Held:
			held++
			if s.held[v.Holder][v.slot] != int32(i) {
				t.Fatalf("server %d is not where its holder keeps it", i)
			}
			if v.Slow > 0 {
				if drags++; s.drags[v.drag] != int32(i) {
					t.Fatalf("server %d is not where the list of slow servers keeps it", i)
				}
			}
		case Free:
			if s.free[v.slot] != int32(i) {
				t.Fatalf("server %d is not where the free list keeps it", i)
			}
		}
		if v.Status == Held || v.Status == Free {
			inService++
			if s.inService[v.rank] != int32(i) {
				t.Fatalf("server %d is not where the list in service keeps it", i)
			}
		}
	}
	if drags != len(s.drags) {
		t.Fatalf("%d slow servers are held, %d listed", drags, len(s.drags))
	}
	if count != s.count || inService != s.InService() || held+s.Free() != inService {
		t.Fatalf("counts %v, servers are %v", s.count, count)
	}
}

func TestListsFollowEveryChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const servers, jobs = 12, 3
		var s State
		s.Reset(servers, jobs, 3)
		var away []int32 // in commissioning, returned or in repair
		var now des.Time
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now++
			s.Advance(1)
			j := rapid.IntRange(0, jobs-1).Draw(t, "job")
			switch rapid.IntRange(0, 5).Draw(t, "action") {
			case 0:
				if n := rapid.IntRange(0, servers-s.OnSite()).Draw(t, "n"); n > 0 {
					first := s.Deliver(n)
					for i := first; i < first+int32(n); i++ {
						away = append(away, i)
					}
				}
			case 1:
				if len(away) > 0 {
					k := rapid.IntRange(0, len(away)-1).Draw(t, "k")
					s.Enter(away[k], now)
					away = slices.Delete(away, k, k+1)
				}
			case 2:
				s.Take(j, rapid.IntRange(0, s.Free()).Draw(t, "n"))
			case 3:
				s.Release(j, rapid.IntRange(0, s.HeldBy(j)).Draw(t, "n"))
			case 4:
				if s.InService() > 0 {
					i := s.Victim(rapid.IntRange(0, s.InService()-1).Draw(t, "rank"))
					s.Fail(i)
					away = append(away, i)
				}
			case 5:
				if s.InService() > 0 {
					s.SetSlow(s.Victim(rapid.IntRange(0, s.InService()-1).Draw(t, "rank")), uint16(rapid.IntRange(0, 2).Draw(t, "cause")))
				}
			}
			check(t, &s)
		}
	})
}

func TestReserve(t *testing.T) {
	for _, c := range []struct{ n, want int }{{0, 0}, {1, 1}, {50, 1}, {51, 2}, {100, 2}} {
		if got := Reserve(0.02, c.n); got != c.want {
			t.Errorf("2 %% of %d servers: %d, want %d", c.n, got, c.want)
		}
	}
}
