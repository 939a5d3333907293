package fleet

import (
	"math"

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
	Free                        // in service, no job holds it
	Held                        // in service, held by a job
	Repair                      // failed
	NumStatus
)

// Server is the state of one server: 24 bytes.
type Server struct {
	InServiceSince des.Time // last entry into service
	rank           int32    // position among the servers in service
	slot           int32    // position in the free list or in its holder's list
	Holder         int16    // index of the job, or NoHolder
	Failures       uint16   // server-scope failures so far, saturating
	Status         Status
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
	count     [NumStatus]int64
	integral  [NumStatus]int64 // server x milliseconds
}

// Reset empties the state for a fleet of up to servers, held by up to jobs jobs.
func (s *State) Reset(servers, jobs int) {
	if cap(s.servers) < servers {
		s.servers = make([]Server, servers)
		s.inService = make([]int32, 0, servers)
		s.free = make([]int32, 0, servers)
	}
	s.servers = s.servers[:servers]
	clear(s.servers)
	s.inService, s.free = s.inService[:0], s.free[:0]
	for len(s.held) < jobs {
		s.held = append(s.held, make([]int32, 0, servers))
	}
	for i := range s.held {
		s.held[i] = s.held[i][:0]
	}
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

// HeldBy counts the servers that a job holds.
func (s *State) HeldBy(job int) int { return len(s.held[job]) }

// Server returns a copy of one server's state.
func (s *State) Server(i int32) Server { return s.servers[i] }

// Victim is the server at a position among those in service.
func (s *State) Victim(rank int) int32 { return s.inService[rank] }

// Deliver brings the next n servers on site, in commissioning, and returns the
// index of the first.
func (s *State) Deliver(n int) int32 {
	first := s.delivered
	for i := first; i < first+n; i++ {
		s.servers[i].Holder = NoHolder
		s.move(&s.servers[i], Commissioning)
	}
	s.delivered += n
	return int32(first)
}

// Return sends a server in commissioning back to its vendor.
func (s *State) Return(i int32) { s.move(&s.servers[i], Returned) }

// Enter puts a server into service, free.
func (s *State) Enter(i int32, now des.Time) {
	v := &s.servers[i]
	s.move(v, Free)
	v.InServiceSince = now
	v.rank = int32(len(s.inService))
	s.inService = append(s.inService, i)
	v.slot = int32(len(s.free))
	s.free = append(s.free, i)
}

// Fail takes a server out of service for repair; its holder loses it.
func (s *State) Fail(i int32) {
	v := &s.servers[i]
	s.remove(s.inService, v.rank, func(m *Server) *int32 { return &m.rank })
	s.inService = s.inService[:len(s.inService)-1]
	if v.Status == Held {
		h := &s.held[v.Holder]
		s.remove(*h, v.slot, slotOf)
		*h = (*h)[:len(*h)-1]
		v.Holder = NoHolder
	} else {
		s.remove(s.free, v.slot, slotOf)
		s.free = s.free[:len(s.free)-1]
	}
	if v.Failures < math.MaxUint16 {
		v.Failures++
	}
	s.move(v, Repair)
}

// Take gives n free servers to a job; the caller has checked that they are there.
func (s *State) Take(job, n int) {
	for range n {
		last := len(s.free) - 1
		i := s.free[last]
		s.free = s.free[:last]
		v := &s.servers[i]
		v.Holder = int16(job)
		v.slot = int32(len(s.held[job]))
		s.held[job] = append(s.held[job], i)
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
