package check

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// objects is what kubectl apply -k would send, each decoded into Kubernetes's own type; a field that the type does not have is an error.
type objects struct {
	stateful    []apps.StatefulSet
	deployments []apps.Deployment
	services    []core.Service
	configs     map[string]core.ConfigMap
	policies    []networking.NetworkPolicy
	ingresses   []networking.Ingress
	budgets     []policy.PodDisruptionBudget
}

func build(t *testing.T, name string) *objects {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "../kubernetes/"+name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := made.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	o := &objects{configs: map[string]core.ConfigMap{}}
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		var kind meta.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			t.Fatal(err)
		}
		switch kind.APIVersion + " " + kind.Kind {
		case "apps/v1 StatefulSet":
			o.stateful = append(o.stateful, decode[apps.StatefulSet](t, document))
		case "apps/v1 Deployment":
			o.deployments = append(o.deployments, decode[apps.Deployment](t, document))
		case "v1 Service":
			o.services = append(o.services, decode[core.Service](t, document))
		case "v1 ConfigMap":
			c := decode[core.ConfigMap](t, document)
			o.configs[c.Name] = c
		case "v1 Namespace":
			decode[core.Namespace](t, document)
		case "networking.k8s.io/v1 NetworkPolicy":
			o.policies = append(o.policies, decode[networking.NetworkPolicy](t, document))
		case "networking.k8s.io/v1 Ingress":
			o.ingresses = append(o.ingresses, decode[networking.Ingress](t, document))
		case "policy/v1 PodDisruptionBudget":
			o.budgets = append(o.budgets, decode[policy.PodDisruptionBudget](t, document))
		default:
			t.Errorf("%s: nobody knows a %s %s", name, kind.APIVersion, kind.Kind)
		}
	}
	return o
}

func decode[T any](t *testing.T, document []byte) (object T) {
	t.Helper()
	if err := yaml.UnmarshalStrict(document, &object); err != nil {
		t.Errorf("%v in\n%s", err, document)
	}
	return object
}

func (o *objects) pods() map[string]core.PodTemplateSpec {
	all := map[string]core.PodTemplateSpec{}
	for _, s := range o.stateful {
		all[s.Name] = s.Spec.Template
	}
	for _, d := range o.deployments {
		all[d.Name] = d.Spec.Template
	}
	return all
}

func TestKubernetes(t *testing.T) {
	for name, pods := range map[string]int{"hub": 2, "edge": 1} {
		t.Run(name, func(t *testing.T) {
			o := build(t, name)
			if len(o.pods()) != pods || len(o.policies) != pods || len(o.configs) != pods {
				t.Fatalf("of %d, there are %d pods, %d network policies and %d configurations", pods, len(o.pods()), len(o.policies), len(o.configs))
			}
			for pod, template := range o.pods() {
				o.checkPod(t, pod, template)
			}
			o.checkSelectors(t)
		})
	}
}

// checkPod: it runs without rights, is asked how it fares, and is given the configuration and the ports that it needs.
func (o *objects) checkPod(t *testing.T, name string, template core.PodTemplateSpec) {
	t.Helper()
	spec, c := template.Spec, template.Spec.Containers[0]
	if s := spec.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil {
		t.Errorf("%s may run as root, or call whatever the kernel has", name)
	}
	if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil ||
		*s.AllowPrivilegeEscalation || s.Capabilities == nil || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
		t.Errorf("%s has rights that it does not need", name)
	}
	for probe, path := range map[*core.Probe]string{c.StartupProbe: "/healthz", c.LivenessProbe: "/healthz", c.ReadinessProbe: "/readyz"} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != path || port(template, probe.HTTPGet.Port.StrVal) == 0 {
			t.Errorf("%s is not asked for %s at a port that it has", name, path)
		}
	}
	if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
		t.Errorf("%s is not bounded", name)
	}
	config := o.configs[name].Data["cameras.yaml"]
	mounts := map[string]string{}
	for _, m := range c.VolumeMounts {
		mounts[m.MountPath] = m.Name
	}
	for _, path := range []string{"/etc/linkstart", "/var/lib/linkstart", "/tmp"} {
		if mounts[path] == "" {
			t.Errorf("%s lacks %s", name, path)
		}
	}
	for _, number := range []string{"8080", "4222", "7422"} {
		if strings.Contains(config, "0.0.0.0:"+number) != (port(template, number) != 0) {
			t.Errorf("%s: port %s is in one of pod and configuration only", name, number)
		}
	}
	for _, e := range c.Env {
		if !strings.Contains(config, "${"+e.Name+"}") {
			t.Errorf("%s is told %s, which its configuration does not use", name, e.Name)
		}
	}
}

// port finds a port of the pod by name or number.
func port(template core.PodTemplateSpec, name string) int32 {
	for _, c := range template.Spec.Containers {
		for _, p := range c.Ports {
			if p.Name == name || (name == "8080" && p.ContainerPort == 8080) || (name == "4222" && p.ContainerPort == 4222) || (name == "7422" && p.ContainerPort == 7422) {
				return p.ContainerPort
			}
		}
	}
	return 0
}

// checkSelectors: services, policies and budgets are for pods that there are, and lead to ports that they have.
func (o *objects) checkSelectors(t *testing.T) {
	t.Helper()
	find := func(what string, selector map[string]string) (found core.PodTemplateSpec) {
		for _, template := range o.pods() {
			if meta.FormatLabelSelector(&meta.LabelSelector{MatchLabels: selector}) != "<none>" && contains(template.Labels, selector) {
				return template
			}
		}
		t.Errorf("%s is for no pod: %v", what, selector)
		return found
	}
	services := map[string]core.Service{}
	for _, s := range o.services {
		services[s.Name] = s
		for _, p := range s.Spec.Ports {
			if port(find("service "+s.Name, s.Spec.Selector), p.TargetPort.StrVal) == 0 {
				t.Errorf("service %s leads to a port %s that is not there", s.Name, p.TargetPort.StrVal)
			}
		}
	}
	for _, p := range o.policies {
		template := find("network policy "+p.Name, p.Spec.PodSelector.MatchLabels)
		for _, in := range p.Spec.Ingress {
			for _, allowed := range in.Ports {
				if port(template, allowed.Port.StrVal) == 0 {
					t.Errorf("network policy %s allows a port %s that is not there", p.Name, allowed.Port.StrVal)
				}
			}
		}
	}
	for _, b := range o.budgets {
		find("budget "+b.Name, b.Spec.Selector.MatchLabels)
	}
	for _, i := range o.ingresses {
		for _, r := range i.Spec.Rules {
			for _, p := range r.HTTP.Paths {
				if _, ok := services[p.Backend.Service.Name]; !ok {
					t.Errorf("ingress %s leads to no service", i.Name)
				}
			}
		}
	}
}

func contains(labels, selector map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return true
}

// TestSecretsAreNot: no file under kubernetes holds a secret, only names of them.
func TestNoSecrets(t *testing.T) {
	err := filepath.WalkDir("../kubernetes", func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if bytes.Contains(text, []byte("kind: Secret")) {
			t.Errorf("%s holds a secret", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
