package fleet

import (
	"math"
	"slices"

	"clustercap/sim/des"
	"clustercap/sim/unit"
)

// Status is where a server is in its life.
type Status uint8

// The statuses, in the order a server meets them.
const (
	Absent        Status = iota // not delivered yet
	Commissioning               // on site, being accepted
	Returned                    // rejected, with the vendor
	Cold                        // accepted, doing other work until it is called
	Free                        // in service, no job holds it
	Held                        // in service, held by a job
	Repair                      // failed, or drained for work on what it shares
	Retired                     // taken out for good, its replacement not there yet
	Serviced                    // out for planned maintenance
	Unpowered                   // on site, not switched on yet: there is no power for it
	Dark                        // commissioned, switched off for want of power
	NumStatus
)

// Server is the state of one server: 80 bytes.
type Server struct {
	Commissioned des.Time // first entry into service
	Renewed      des.Time // end of the last repair of its own, or Commissioned
	windowFrom   des.Time // first failure of those counted in window
	scoredAt     des.Time
	score        float32

	rank  int32 // position among the servers in service
	slot  int32 // position in the list of its status, or of its holder
	lemon int32 // position among the lemons in service, or -1
	drag  int32 // position among the slow servers that jobs hold
	// Outage is what it is out of service with: the server whose repair brings its
	// group back, the number of the planned maintenance, or -1 for a fault of its own.
	Outage int32

	Holder   int16  // index of the job, or NoHolder
	Member   int16  // the last job that held it, or NoHolder
	Failures uint16 // so far, saturating
	Class    uint16 // of the failure under repair
	Epoch    uint16 // counts repairs of its own; faults found too late carry an older one
	window   uint16
	Slow     uint16 // what makes it slow its job down, as the caller numbers causes; 0 for nothing
	Stage    uint8  // of the repair pipeline
	Status   Status

	Lemon     bool // fails more often than others
	Relapsing bool // its last repair mended nothing
	Manned    bool // a technician works on it
	aged      bool // has been in service
}

// NoHolder marks a server that no job holds.
const NoHolder int16 = -1

// State is the fleet at one instant and the integrals of its past. All changes
// are O(1) per server; a State is reused between replicas by Reset.
type State struct {
	servers   []Server
	delivered int
	inService []int32   // all servers in service, in no particular order
	free      []int32   // those that no job holds
	held      [][]int32 // by job
	slow      []int32   // slow servers held, by job
	causes    int
	bySlow    []int32 // the same by job and cause
	drags     []int32 // the slow servers that jobs hold
	burning   []int32 // those in commissioning
	cold      []int32
	lemons    []int32 // lemons in service
	count     [NumStatus]int64
	integral  [NumStatus]int64 // server x milliseconds
}

// Reset empties the state for a fleet of up to servers, held by up to jobs jobs and
// slow for one of causes, 0 (not slow) included.
func (s *State) Reset(servers, jobs, causes int) {
	if cap(s.servers) < servers {
		s.servers = make([]Server, servers)
		s.inService = make([]int32, 0, servers)
		s.free = make([]int32, 0, servers)
	}
	s.servers = s.servers[:servers]
	clear(s.servers)
	s.inService, s.free = s.inService[:0], s.free[:0]
	s.burning, s.cold, s.lemons, s.drags = s.burning[:0], s.cold[:0], s.lemons[:0], s.drags[:0]
	for len(s.held) < jobs {
		s.held = append(s.held, nil)
	}
	for i := range s.held {
		s.held[i] = s.held[i][:0]
	}
	s.slow = slices.Grow(s.slow[:0], jobs)[:jobs]
	clear(s.slow)
	s.causes = causes
	s.bySlow = slices.Grow(s.bySlow[:0], jobs*causes)[:jobs*causes]
	clear(s.bySlow)
	s.delivered = 0
	s.count = [NumStatus]int64{Absent: int64(servers)}
	s.integral = [NumStatus]int64{}
}

// Advance adds dt milliseconds of the present counts to the integrals.
func (s *State) Advance(dt des.Time) {
	for i := Commissioning; i < NumStatus; i++ {
		s.integral[i] += s.count[i] * int64(dt)
	}
}

// Count is the number of servers in a status.
func (s *State) Count(st Status) int { return int(s.count[st]) }

// Integral is the server-milliseconds spent in a status.
func (s *State) Integral(st Status) int64 { return s.integral[st] }

// OnSite counts the servers delivered, those away with the vendor included.
func (s *State) OnSite() int { return s.delivered }

// InService counts the servers in service, held or free.
func (s *State) InService() int { return len(s.inService) }

// Free counts the servers in service that no job holds.
func (s *State) Free() int { return len(s.free) }

// Cold counts the servers of the cold pool.
func (s *State) Cold() int { return len(s.cold) }

// HeldBy counts the servers that a job holds.
func (s *State) HeldBy(job int) int { return len(s.held[job]) }

// SlowHeldBy counts the slow servers that a job holds.
func (s *State) SlowHeldBy(job int) int { return int(s.slow[job]) }

// SlowByCause counts them by cause; the caller must not change it.
func (s *State) SlowByCause(job int) []int32 { return s.bySlow[job*s.causes : (job+1)*s.causes] }

// SlowHeld lists the slow servers that jobs hold; the caller must not change it.
func (s *State) SlowHeld() []int32 { return s.drags }

// Lemons counts the lemons in service.
func (s *State) Lemons() int { return len(s.lemons) }

// Server returns one server's state. The caller may change its exported fields
// but Holder, Status, Lemon and Slow, which have lists behind them.
func (s *State) Server(i int32) *Server { return &s.servers[i] }

// Victim is the server at a position among those in service.
func (s *State) Victim(rank int) int32 { return s.inService[rank] }

// HeldVictim, FreeVictim, BurningVictim and LemonVictim are the servers at a
// position among those that a job holds, that no job holds, that are in
// commissioning, and that are lemons in service.
func (s *State) HeldVictim(job, rank int) int32 { return s.held[job][rank] }

// FreeVictim: see HeldVictim.
func (s *State) FreeVictim(rank int) int32 { return s.free[rank] }

// BurningVictim: see HeldVictim.
func (s *State) BurningVictim(rank int) int32 { return s.burning[rank] }

// LemonVictim: see HeldVictim.
func (s *State) LemonVictim(rank int) int32 { return s.lemons[rank] }

// Deliver brings the next n servers on site, without power, and returns the index of
// the first.
func (s *State) Deliver(n int) int32 {
	first := s.delivered
	for i := first; i < first+n; i++ {
		v := &s.servers[i]
		v.Holder, v.Member, v.lemon, v.Outage = NoHolder, NoHolder, -1, -1
		s.move(v, Unpowered)
	}
	s.delivered += n
	return int32(first)
}

// Energise switches a delivered server on: its commissioning begins.
func (s *State) Energise(i int32) {
	v := &s.servers[i]
	s.move(v, Commissioning)
	v.slot = int32(len(s.burning))
	s.burning = append(s.burning, i)
}

// Return sends a server in commissioning back to its vendor.
func (s *State) Return(i int32) {
	s.leave(i)
	s.move(&s.servers[i], Returned)
}

// Store puts a server into the cold pool.
func (s *State) Store(i int32) {
	s.leave(i)
	v := &s.servers[i]
	s.move(v, Cold)
	v.slot = int32(len(s.cold))
	s.cold = append(s.cold, i)
}

// Call names the server of the cold pool that is next to enter service; there must be one.
func (s *State) Call() int32 { return s.cold[len(s.cold)-1] }

// Enter puts a server into service, free.
func (s *State) Enter(i int32, now des.Time) {
	s.leave(i)
	v := &s.servers[i]
	if !v.aged {
		v.Commissioned, v.Renewed, v.aged = now, now, true
	} else if v.Status == Repair && v.Outage < 0 {
		v.Renewed = now
	}
	s.move(v, Free)
	v.Outage = -1
	v.rank = int32(len(s.inService))
	s.inService = append(s.inService, i)
	v.slot = int32(len(s.free))
	s.free = append(s.free, i)
	if v.Lemon {
		v.lemon = int32(len(s.lemons))
		s.lemons = append(s.lemons, i)
	}
}

// leave takes a server off the list of a status before service.
func (s *State) leave(i int32) {
	v := &s.servers[i]
	var list *[]int32
	switch v.Status {
	case Commissioning:
		list = &s.burning
	case Cold:
		list = &s.cold
	default:
		return
	}
	s.remove(*list, v.slot, slotOf)
	*list = (*list)[:len(*list)-1]
}

// Fail takes a server out of service because it failed; its holder loses it.
func (s *State) Fail(i int32) {
	s.Remove(i, Repair)
	v := &s.servers[i]
	v.Epoch++
	if v.Failures < math.MaxUint16 {
		v.Failures++
	}
}

// Remove takes a server out of service into a status; its holder loses it.
func (s *State) Remove(i int32, to Status) {
	v := &s.servers[i]
	s.remove(s.inService, v.rank, func(m *Server) *int32 { return &m.rank })
	s.inService = s.inService[:len(s.inService)-1]
	if v.Status == Held {
		h := &s.held[v.Holder]
		s.remove(*h, v.slot, slotOf)
		*h = (*h)[:len(*h)-1]
		s.countSlow(i, -1)
		v.Holder = NoHolder
	} else {
		s.remove(s.free, v.slot, slotOf)
		s.free = s.free[:len(s.free)-1]
	}
	if v.lemon >= 0 {
		s.remove(s.lemons, v.lemon, func(m *Server) *int32 { return &m.lemon })
		s.lemons = s.lemons[:len(s.lemons)-1]
		v.lemon = -1
	}
	s.move(v, to)
}

// Shift moves a server that is out of service to another status out of service.
func (s *State) Shift(i int32, to Status) { s.move(&s.servers[i], to) }

// Spoil makes a lemon of a server in service.
func (s *State) Spoil(i int32) {
	if v := &s.servers[i]; !v.Lemon {
		v.Lemon = true
		v.lemon = int32(len(s.lemons))
		s.lemons = append(s.lemons, i)
	}
}

// SetSlow marks a server as slow for a cause, or as not slow with 0.
func (s *State) SetSlow(i int32, cause uint16) {
	v := &s.servers[i]
	if v.Status == Held {
		s.countSlow(i, -1)
	}
	v.Slow = cause
	if v.Status == Held {
		s.countSlow(i, 1)
	}
}

func (s *State) countSlow(i int32, by int32) {
	v := &s.servers[i]
	if v.Slow == 0 {
		return
	}
	s.slow[v.Holder] += by
	s.bySlow[int(v.Holder)*s.causes+int(v.Slow)] += by
	if by > 0 {
		v.drag = int32(len(s.drags))
		s.drags = append(s.drags, i)
		return
	}
	s.remove(s.drags, v.drag, func(m *Server) *int32 { return &m.drag })
	s.drags = s.drags[:len(s.drags)-1]
}

// Renew makes a server that is out of service a new one.
func (s *State) Renew(i int32) {
	v := &s.servers[i]
	v.Lemon, v.Slow, v.Relapsing = false, 0, false
	v.Failures, v.window, v.score = 0, 0, 0
	v.Member, v.aged = NoHolder, false
}

// Strikes counts a failure of a server at a time under a policy and reports whether
// the policy retires it.
func (s *State) Strikes(i int32, now des.Time, p *Retire) bool {
	v := &s.servers[i]
	if p.Failures > 0 {
		if v.window == 0 || (now-v.windowFrom).Duration() > p.Within {
			v.window, v.windowFrom = 0, now
		}
		if v.window++; int(v.window) >= p.Failures {
			return true
		}
	}
	if p.Score > 0 {
		halves := float64((now - v.scoredAt).Duration() / p.HalfLife)
		v.score = float32(float64(v.score)*math.Exp2(-halves) + 1)
		v.scoredAt = now
		return float64(v.score) >= p.Score
	}
	return false
}

// Take gives n free servers to a job; the caller has checked that they are there. Those that
// came free last go first, as where a scheduler goes by a fixed order of nodes: what left
// the job and was repaired stands before the spares behind it.
func (s *State) Take(job, n int) {
	if n > 1 { // a single growth keeps the list at its own size
		s.held[job] = slices.Grow(s.held[job], n)
	}
	for range n {
		last := len(s.free) - 1
		i := s.free[last]
		s.free = s.free[:last]
		v := &s.servers[i]
		v.Holder, v.Member = int16(job), int16(job)
		v.slot = int32(len(s.held[job]))
		s.held[job] = append(s.held[job], i)
		s.countSlow(i, 1)
		s.move(v, Held)
	}
}

// Release frees n of the servers that a job holds.
func (s *State) Release(job, n int) {
	for range n {
		h := s.held[job]
		i := h[len(h)-1]
		s.held[job] = h[:len(h)-1]
		v := &s.servers[i]
		s.countSlow(i, -1)
		v.Holder = NoHolder
		v.slot = int32(len(s.free))
		s.free = append(s.free, i)
		s.move(v, Free)
	}
}

func slotOf(m *Server) *int32 { return &m.slot }

// remove moves the last member of a list into position at; the caller shortens it.
func (s *State) remove(list []int32, at int32, position func(*Server) *int32) {
	last := list[len(list)-1]
	list[at] = last
	*position(&s.servers[last]) = at
}

func (s *State) move(v *Server, to Status) {
	s.count[v.Status]--
	s.count[to]++
	v.Status = to
}

// Reserve is the number of servers held as warm spares when n are in service.
func Reserve(spares unit.Share, n int) int { return int(math.Ceil(float64(spares)*float64(n) - 1e-9)) } // 1e-9: 2 % of 50 is 1, not 2
