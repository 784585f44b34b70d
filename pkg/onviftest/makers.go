package onviftest

import (
	"encoding/xml"
	"net/http"
	"strings"
)

// Maker is how the cameras of a maker answer: their namespaces, what they add, and their mistakes.
type Maker struct {
	Name  string
	media string // path of the media service

	before, after string            // around each answer
	forms         map[string]string // answers by operation
	clock         string            // a time, hours to days
	profile       string            // one profile: %[1]d its number, %[2]s token, %[3]s name, %[4]d x %[5]d px, %[6]s its source
	faults        string            // a refusal: code, reason
	refusal       int               // HTTP status of a wrong login
	bare          bool              // addresses are written without escaping their &

	// What a probe of the network is answered; "": nothing.
	probe string
}

func (m Maker) fault(code, reason string) string {
	text := m.faults
	if text == "" {
		text = `<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{code}</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason></s:Fault>`
	}
	return m.before + strings.NewReplacer("{code}", code, "{reason}", reason).Replace(text) + m.after
}

func (m Maker) escape(text string) string {
	if m.bare {
		return text
	}
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}

const utc = `<tt:Time><tt:Hour>%d</tt:Hour><tt:Minute>%d</tt:Minute><tt:Second>%d</tt:Second></tt:Time><tt:Date><tt:Year>%d</tt:Year><tt:Month>%d</tt:Month><tt:Day>%d</tt:Day></tt:Date>`

// Hikvision declares dozens of namespaces, tells a local time too, and answers 400 or 401 with a fault.
var Hikvision = Maker{
	Name: "Hikvision", media: "/onvif/Media", refusal: http.StatusBadRequest, clock: utc,
	before: `<?xml version="1.0" encoding="UTF-8"?>
<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:soapenc="http://www.w3.org/2003/05/soap-encoding" xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:ter="http://www.onvif.org/ver10/error" xmlns:hikxsd="http://www.onvifext.com/onvif/ext/ver10/schema"><env:Body>`,
	after: `</env:Body>
</env:Envelope>
`,
	forms: map[string]string{
		"GetSystemDateAndTime": `<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>CST-8:00:00</tt:TZ></tt:TimeZone>
<tt:UTCDateTime>{time}</tt:UTCDateTime>
<tt:LocalDateTime><tt:Time><tt:Hour>1</tt:Hour><tt:Minute>2</tt:Minute><tt:Second>3</tt:Second></tt:Time><tt:Date><tt:Year>2001</tt:Year><tt:Month>1</tt:Month><tt:Day>1</tt:Day></tt:Date></tt:LocalDateTime>
</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>`,
		"GetCapabilities": `<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Analytics><tt:XAddr>http://{host}/onvif/Analytics</tt:XAddr></tt:Analytics><tt:Device><tt:XAddr>http://{host}/onvif/device_service</tt:XAddr></tt:Device>
<tt:Events><tt:XAddr>http://{host}/onvif/Events</tt:XAddr></tt:Events><tt:Media><tt:XAddr>http://{host}/onvif/Media</tt:XAddr><tt:StreamingCapabilities><tt:RTPMulticast>true</tt:RTPMulticast><tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities></tt:Media>
<tt:Extension><hikxsd:hikCapabilities><hikxsd:XAddr>http://{host}/onvif/hik_ext</hikxsd:XAddr></hikxsd:hikCapabilities></tt:Extension></tds:Capabilities></tds:GetCapabilitiesResponse>`,
		"GetProfiles":  `<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>`,
		"GetStreamUri": `<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT60S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>`,
	},
	profile: `<trt:Profiles token="%[2]s" fixed="true"><tt:Name>%[3]s</tt:Name><tt:VideoSourceConfiguration token="VideoSourceToken"><tt:Name>VideoSourceConfig</tt:Name><tt:UseCount>2</tt:UseCount><tt:SourceToken>%[6]s</tt:SourceToken><tt:Bounds x="0" y="0" width="2560" height="1440"></tt:Bounds></tt:VideoSourceConfiguration>
<tt:VideoEncoderConfiguration token="VideoEncoderToken_%[1]d"><tt:Name>VideoEncoder_%[1]d</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>%[4]d</tt:Width><tt:Height>%[5]d</tt:Height></tt:Resolution><tt:Quality>3.0</tt:Quality></tt:VideoEncoderConfiguration></trt:Profiles>`,
	probe: `<?xml version="1.0" encoding="UTF-8"?>
<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:wsadis="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"><env:Header><wsadis:MessageID>urn:uuid:{answer}</wsadis:MessageID>
<wsadis:RelatesTo>{probe}</wsadis:RelatesTo><wsadis:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</wsadis:To><wsadis:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</wsadis:Action><d:AppSequence InstanceId="1690000000" MessageNumber="22"/></env:Header><env:Body><d:ProbeMatches><d:ProbeMatch><wsadis:EndpointReference><wsadis:Address>urn:uuid:{uuid}</wsadis:Address></wsadis:EndpointReference><d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types><d:Scopes>onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/Profile/Streaming onvif://www.onvif.org/MAC/44:19:b6:00:00:01 onvif://www.onvif.org/hardware/DS-2CD2143G0-I onvif://www.onvif.org/name/HIKVISION%20DS-2CD2143G0-I onvif://www.onvif.org/location/city/hangzhou</d:Scopes><d:XAddrs>http://{host}/onvif/device_service http://[fe80::4619:b6ff:fe00:1]/onvif/device_service</d:XAddrs><d:MetadataVersion>10</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></env:Body></env:Envelope>`,
}

// Dahua has queries in its stream's addresses, tells its capabilities at a host of its own, and refuses with 400.
var Dahua = Maker{
	Name: "Dahua", media: "/onvif/media_service", refusal: http.StatusBadRequest, clock: utc,
	before: `<?xml version="1.0" encoding="utf-8" standalone="yes" ?><s:Envelope xmlns:sc="http://www.w3.org/2003/05/soap-encoding" xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:ter="http://www.onvif.org/ver10/error"><s:Header/><s:Body>`,
	after:  `</s:Body></s:Envelope>`,
	forms: map[string]string{
		"GetSystemDateAndTime": `<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>true</tt:DaylightSavings><tt:TimeZone><tt:TZ>CST+8CDT+7,M3.2.0/02:00:00</tt:TZ></tt:TimeZone><tt:UTCDateTime>{time}</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>`,
		"GetCapabilities":      `<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>http://10.255.255.1/onvif/device_service</tt:XAddr></tt:Device><tt:Media><tt:XAddr>http://10.255.255.1/onvif/media_service</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>`,
		"GetProfiles":          `<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>`,
		"GetStreamUri":         `<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>true</tt:InvalidAfterConnect><tt:InvalidAfterReboot>true</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>`,
	},
	profile: `<trt:Profiles fixed="true" token="%[2]s"><tt:Name>%[3]s</tt:Name><tt:VideoEncoderConfiguration token="%[1]d"><tt:Name>V%[1]d</tt:Name><tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width> %[4]d </tt:Width><tt:Height> %[5]d </tt:Height></tt:Resolution></tt:VideoEncoderConfiguration><tt:MetadataConfiguration token="M%[1]d"/></trt:Profiles>`,
	probe:   `<?xml version="1.0" encoding="utf-8" standalone="yes" ?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"><s:Header><a:MessageID>uuid:{answer}</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action><a:RelatesTo>{probe}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><d:ProbeMatch><a:EndpointReference><a:Address>uuid:{uuid}</a:Address></a:EndpointReference><d:Types xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl">dn:NetworkVideoTransmitter tds:Device</d:Types><d:Scopes>onvif://www.onvif.org/location/country/china onvif://www.onvif.org/name/Dahua onvif://www.onvif.org/hardware/IPC-HDW2431T-AS-S2 onvif://www.onvif.org/Profile/Streaming onvif://www.onvif.org/type/Network_Video_Transmitter onvif://www.onvif.org/extension/unique_identifier</d:Scopes><d:XAddrs>http://{host}/onvif/device_service</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>`,
}

// Axis has one address for all services, and takes HTTP Digest where Device.Digest is set.
var Axis = Maker{
	Name: "Axis", media: "/onvif/services", refusal: http.StatusUnauthorized, clock: utc,
	before: `<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:ter="http://www.onvif.org/ver10/error"><SOAP-ENV:Body>`,
	after: `</SOAP-ENV:Body></SOAP-ENV:Envelope>`,
	forms: map[string]string{
		"GetSystemDateAndTime": `<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>true</tt:DaylightSavings><tt:UTCDateTime>{time}</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>`,
		"GetCapabilities":      `<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>http://{host}/onvif/services</tt:XAddr></tt:Device><tt:Media><tt:XAddr>http://{host}/onvif/services</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>`,
		"GetProfiles":          `<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>`,
		"GetStreamUri":         `<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>`,
	},
	profile: `<trt:Profiles token="%[2]s" fixed="true"><tt:Name>%[3]s</tt:Name><tt:AudioEncoderConfiguration token="a"><tt:Encoding>AAC</tt:Encoding></tt:AudioEncoderConfiguration><tt:VideoEncoderConfiguration token="default_%[1]d"><tt:Name>default_%[1]d</tt:Name><tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>%[4]d</tt:Width><tt:Height>%[5]d</tt:Height></tt:Resolution></tt:VideoEncoderConfiguration></trt:Profiles>`,
	probe:   `<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><SOAP-ENV:Header><wsa:RelatesTo>{probe}</wsa:RelatesTo></SOAP-ENV:Header><SOAP-ENV:Body><d:ProbeMatches><d:ProbeMatch><wsa:EndpointReference><wsa:Address>urn:uuid:{uuid}</wsa:Address></wsa:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/name/AXIS%20M3045-V onvif://www.onvif.org/hardware/M3045-V onvif://www.onvif.org/location/ onvif://www.onvif.org/Profile/Streaming</d:Scopes><d:XAddrs>http://{host}/onvif/device_service</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>`,
}

// Nameless is a cheap camera of no name: it declares an encoding that it does not write, uses prefixes that it does not declare, in
// namespaces of its own, names 0.0.0.0 as its host, escapes no &, and refuses with 200 and a fault of SOAP 1.1.
var Nameless = Maker{
	Name: "nameless", media: "/onvif/media_service", refusal: http.StatusOK, bare: true,
	clock:  `<Time><Hour>%02d</Hour><Minute>%02d</Minute><Second>%02d</Second></Time><Date><Year>%d</Year><Month>%02d</Month><Day>%02d</Day></Date>`,
	before: "<?xml version=\"1.0\" encoding=\"gb2312\"?><SOAP-ENV:Envelope xmlns:SOAP-ENV=\"http://schemas.xmlsoap.org/soap/envelope/\"><SOAP-ENV:Body>",
	after:  "</SOAP-ENV:Body></SOAP-ENV:Envelope>\r\n\x00",
	faults: `<SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode><faultstring>The action requested requires authorization and the sender is not authorized</faultstring></SOAP-ENV:Fault>`,
	forms: map[string]string{
		"GetSystemDateAndTime": `<x:GetSystemDateAndTimeResponse><x:SystemDateAndTime><UTCDateTime>{time}</UTCDateTime></x:SystemDateAndTime></x:GetSystemDateAndTimeResponse>`,
		"GetCapabilities":      `<GetCapabilitiesResponse xmlns="urn:camera"><Capabilities><Media><XAddr> http://0.0.0.0:8899/onvif/media_service </XAddr></Media></Capabilities></GetCapabilitiesResponse>`,
		"GetProfiles":          `<GetProfilesResponse xmlns="urn:camera"><Profiles token="audio"><Name>audio</Name></Profiles>{profiles}</GetProfilesResponse>`,
		"GetStreamUri":         `<GetStreamUriResponse xmlns="urn:camera"><MediaUri><Uri> {uri} </Uri></MediaUri></GetStreamUriResponse>`,
	},
	profile: "<Profiles token=\"%[2]s\"><Name>\xd6\xf7 %[3]s</Name><VideoEncoderConfiguration><Encoding>H264</Encoding><Resolution><Width>%[4]d</Width><Height>%[5]d</Height></Resolution></VideoEncoderConfiguration></Profiles>",
	probe:   `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"><SOAP-ENV:Body><x:ProbeMatches><x:ProbeMatch><Types>NetworkVideoTransmitter</Types><Scopes>onvif://www.onvif.org/name/<![CDATA[<img src=x onerror=alert(1)>]]> onvif://www.onvif.org/hardware/%zz</Scopes><XAddrs>http://0.0.0.0:{port}/onvif/device_service http://203.0.113.99/steal</XAddrs></x:ProbeMatch></x:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>`,
}

// Newest offers its video by the Media2 service alone, which only its list of services names.
var Newest = Maker{
	Name: "newest", media: "/onvif/media2", refusal: http.StatusUnauthorized, clock: utc,
	before: Axis.before, after: Axis.after,
	forms: map[string]string{
		"GetSystemDateAndTime": Axis.forms["GetSystemDateAndTime"],
		"GetCapabilities":      `<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>http://{host}/onvif/device_service</tt:XAddr></tt:Device></tds:Capabilities></tds:GetCapabilitiesResponse>`,
		"GetServices":          `<tds:GetServicesResponse><tds:Service><tds:Namespace>http://www.onvif.org/ver10/device/wsdl</tds:Namespace><tds:XAddr>http://{host}/onvif/device_service</tds:XAddr></tds:Service><tds:Service><tds:Namespace>http://www.onvif.org/ver20/media/wsdl</tds:Namespace><tds:XAddr>http://{host}/onvif/media2</tds:XAddr><tds:Version><tt:Major>2</tt:Major></tds:Version></tds:Service></tds:GetServicesResponse>`,
		"GetProfiles":          `<tr2:GetProfilesResponse xmlns:tr2="http://www.onvif.org/ver20/media/wsdl">{profiles}</tr2:GetProfilesResponse>`,
		"GetStreamUri":         `<tr2:GetStreamUriResponse xmlns:tr2="http://www.onvif.org/ver20/media/wsdl"><tr2:Uri>{uri}</tr2:Uri></tr2:GetStreamUriResponse>`,
	},
	profile: `<tr2:Profiles token="%[2]s" fixed="true"><tr2:Name>%[3]s</tr2:Name><tr2:Configurations><tr2:VideoSource token="s%[1]d"><tt:SourceToken>%[6]s</tt:SourceToken></tr2:VideoSource><tr2:VideoEncoder token="e%[1]d" GovLength="50" Profile="Main"><tt:Name>e%[1]d</tt:Name><tt:Encoding>H265</tt:Encoding><tt:Resolution><tt:Width>%[4]d</tt:Width><tt:Height>%[5]d</tt:Height></tt:Resolution></tr2:VideoEncoder></tr2:Configurations></tr2:Profiles>`,
}
