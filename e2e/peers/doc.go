// Package peers starts the real servers that Belay's tests talk to: a
// Kubernetes API server with its etcd, Prometheus, nginx, PostgreSQL and two
// OpenID providers, each a child process on a free loopback port with a
// directory of its own.
//
// A test that needs one for itself calls a Start function; the peer ends with
// the test:
//
//	k := peers.StartKubernetes(t, peers.KubernetesOptions{})
//	check(t, k.URL, k.CA.PEM(), k.User("viewer").Token)
//
// The tests of a package share an expensive one; the first test that asks
// starts it:
//
//	var kube = peers.Share(func() (*peers.Kubernetes, error) {
//		return peers.NewKubernetes(peers.KubernetesOptions{})
//	})
//
//	func TestMain(m *testing.M) { os.Exit(peers.Run(m, kube)) }
//
//	func TestList(t *testing.T) { k := kube.Get(t) ... }
//
// What the servers need is installed by e2e/peers/install. A peer that is
// missing fails the test that asks for it.
package peers
