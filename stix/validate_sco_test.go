package stix_test

import (
	"strings"
	"testing"

	"parley.example/parley/stix"
)

// observableExamples are correct cyber-observables; the first of each has most
// of its properties.
var observableExamples = map[string][]string{
	"artifact": {
		`"mime_type":"image/jpeg","payload_bin":"VBORw0KGgoAAAANSUhEUgAAADI==","hashes":{"SHA-256":"#SHA-256"},"encryption_algorithm":"AES-256-GCM","decryption_key":"k"`,
		`"url":"https://example.com/a%20b.jpg?x=1#y","hashes":{"MD5":"#MD5"}`,
	},
	"autonomous-system": {`"number":15139,"name":"n","rir":"ARIN"`},
	"directory": {
		`"path":"/usr/lib","path_enc":"UTF-8","ctime":"1960-01-01T00:00:00Z","mtime":"2016-01-01T00:00:00Z","atime":"2016-01-01T00:00:00Z","contains_refs":["@file","@directory"]`,
	},
	"domain-name": {
		`"value":"example.com","resolves_to_refs":["@ipv4-addr","@domain-name"]`,
		`"value":"xn--bcher-kva.example"`, `"value":"bücher.example"`, `"value":"localhost"`, `"value":"example.com."`,
		`"value":"example[.]com","defanged":true`,
	},
	"email-addr": {`"value":"john@example.com","display_name":"John","belongs_to_ref":"@user-account"`},
	"email-message": {
		`"is_multipart":false,"date":"1997-11-21T15:55:06Z","content_type":"text/plain","from_ref":"@email-addr","sender_ref":"@email-addr","to_refs":["@email-addr"],` +
			`"cc_refs":["@email-addr"],"bcc_refs":["@email-addr"],"message_id":"<a@b>","subject":"s","received_lines":["from a"],` +
			`"additional_header_fields":{"Reply-To":["a","b"]},"body":"b","raw_email_ref":"@artifact"`,
		`"is_multipart":true,"body_multipart":[{"content_type":"text/plain","content_disposition":"inline","body":"b"},{"body_raw_ref":"@artifact"}]`,
	},
	"file": {
		`"hashes":{"SHA-256":"#SHA-256","MD5":"#MD5","SSDEEP":"3:AXGBicFlgVNhBGcL6wCrFQEv:AXGHsNhxLsr2C"},"size":0,"name":"a.zip","name_enc":"US-ASCII","magic_number_hex":"504b0304",` +
			`"mime_type":"application/zip","ctime":"2016-01-01T00:00:00Z","parent_directory_ref":"@directory","contains_refs":["@url"],"content_ref":"@artifact",` +
			`"extensions":{"archive-ext":{"contains_refs":["@file"],"comment":"c"}}`,
		`"name":"n","extensions":{"ntfs-ext":{"sid":"S-1","alternate_data_streams":[{"name":"s","size":1,"hashes":{"MD5":"#MD5"}}]},` +
			`"pdf-ext":{"version":"1.7","is_optimized":true,"document_info_dict":{"Title":"t"},"pdfid0":"a","pdfid1":"b"},` +
			`"raster-image-ext":{"image_height":1,"image_width":2,"bits_per_pixel":8,"exif_tags":{"Make":"m","XResolution":4928}},` +
			`"windows-pebinary-ext":{"pe_type":"exe","imphash":"i","machine_hex":"014c","number_of_sections":4,"time_date_stamp":"2016-01-22T12:31:12Z",` +
			`"pointer_to_symbol_table_hex":"74726144","number_of_symbols":1,"size_of_optional_header":224,"characteristics_hex":"818f","file_header_hashes":{"MD5":"#MD5"},` +
			`"optional_header":{"magic_hex":"010b","major_linker_version":2,"size_of_code":512,"hashes":{"SHA-1":"#SHA-1"}},` +
			`"sections":[{"name":"CODE","size":1,"entropy":0.061089,"hashes":{"MD5":"#MD5"}}]}}`,
	},
	"ipv4-addr": {
		`"value":"198.51.100.3","resolves_to_refs":["@mac-addr"],"belongs_to_refs":["@autonomous-system"]`,
		`"value":"198.51.100.0/24"`, `"value":"0.0.0.0/0"`, `"value":"1.2.3.4/32"`, `"value":"1.2.3[.]4","defanged":true`,
	},
	"ipv6-addr": {
		`"value":"2001:0db8:85a3:0000:0000:8a2e:0370:7334","resolves_to_refs":["@mac-addr"],"belongs_to_refs":["@autonomous-system"]`,
		`"value":"2001:db8::/96"`, `"value":"::/0"`, `"value":"::1"`, `"value":"::ffff:198.51.100.3"`,
	},
	"mac-addr": {`"value":"d2:fb:49:24:37:18"`},
	"mutex":    {`"name":"__CLEANSWEEP__"`},
	"network-traffic": {
		`"start":"2014-11-11T11:11:11Z","end":"2014-11-11T11:11:11Z","is_active":false,"src_ref":"@ipv4-addr","dst_ref":"@domain-name","src_port":0,"dst_port":65535,` +
			`"protocols":["ipv4","tcp","http"],"src_byte_count":1,"dst_byte_count":2,"src_packets":3,"dst_packets":4,"ipfix":{"minimumIpTotalLength":32,"x":"y"},` +
			`"src_payload_ref":"@artifact","dst_payload_ref":"@artifact","encapsulates_refs":["@network-traffic"],"encapsulated_by_ref":"@network-traffic",` +
			`"extensions":{"http-request-ext":{"request_method":"get","request_value":"/a","request_version":"http/1.1","request_header":{"Accept":["a"]},` +
			`"message_body_length":0,"message_body_data_ref":"@artifact"},"tcp-ext":{"src_flags_hex":"00000002"}}`,
		`"is_active":true,"dst_ref":"@mac-addr","src_port":1,"dst_port":2,"protocols":["icmp"],"extensions":{"icmp-ext":{"icmp_type_hex":"08","icmp_code_hex":"00"}}`,
		`"src_ref":"@ipv6-addr","src_port":1,"dst_port":2,"protocols":["tcp"],"extensions":{"socket-ext":{"address_family":"AF_INET","is_blocking":true,"is_listening":true,` +
			`"options":{"SO_TEST":0},"socket_type":"SOCK_STREAM","socket_descriptor":0,"socket_handle":-5}}`,
	},
	"process": {
		`"is_hidden":true,"pid":1221,"created_time":"2016-01-20T14:11:25.55Z","cwd":"/","command_line":"a -b","environment_variables":{"PATH":"/"},` +
			`"opened_connection_refs":["@network-traffic"],"creator_user_ref":"@user-account","image_ref":"@file","parent_ref":"@process","child_refs":["@process"],` +
			`"extensions":{"windows-process-ext":{"aslr_enabled":true,"dep_enabled":true,"priority":"HIGH_PRIORITY_CLASS","owner_sid":"S-1","window_title":"x",` +
			`"startup_info":{"lpDesktop":"d"},"integrity_level":"high"},"windows-service-ext":{"service_name":"s","descriptions":["d"],"display_name":"n","group_name":"g",` +
			`"start_type":"SERVICE_AUTO_START","service_dll_refs":["@file"],"service_type":"SERVICE_WIN32_OWN_PROCESS","service_status":"SERVICE_RUNNING"}}`,
	},
	"software": {
		`"name":"Word","cpe":"cpe:2.3:a:microsoft:word:2000:*:*:*:*:*:*:*","swid":"s","languages":["en","ur"],"vendor":"Microsoft","version":"2002"`,
	},
	"url": {`"value":"https://example.com/research/index.html"`, `"value":"mailto:a@example.com"`, `"value":"hxxp://example[.]com","defanged":true`},
	"user-account": {
		`"user_id":"1001","credential":"c","account_login":"jdoe","account_type":"unix","display_name":"J","is_service_account":false,"is_privileged":false,` +
			`"can_escalate_privs":true,"is_disabled":false,"account_created":"2016-01-20T12:31:12Z","account_expires":"2018-01-20T12:31:12Z",` +
			`"credential_last_changed":"2016-01-20T14:27:43Z","account_first_login":"2016-01-20T14:26:07Z","account_last_login":"2016-07-22T16:08:28Z",` +
			`"extensions":{"unix-account-ext":{"gid":1001,"groups":["wheel"],"home_dir":"/home/jdoe","shell":"/bin/bash"}}`,
	},
	"windows-registry-key": {
		`"key":"HKEY_LOCAL_MACHINE\\System\\Foo\\Bar","values":[{"name":"Foo","data":"qwerty","data_type":"REG_SZ"},{"data":""}],"modified_time":"2018-01-20T12:31:12Z",` +
			`"creator_user_ref":"@user-account","number_of_subkeys":0`,
	},
	"x509-certificate": {
		`"is_self_signed":false,"hashes":{"SHA-256":"#SHA-256"},"version":"3","serial_number":"36:f7:d4","signature_algorithm":"a","issuer":"i","validity_not_before":"2016-03-12T12:00:00Z",` +
			`"validity_not_after":"2016-08-21T12:00:00Z","subject":"s","subject_public_key_algorithm":"r","subject_public_key_modulus":"m","subject_public_key_exponent":65537,` +
			`"x509_v3_extensions":{"basic_constraints":"c","key_usage":"k","private_key_usage_period_not_before":"2016-03-12T12:00:00Z"}`,
	},
}

func TestValidateObservables(t *testing.T) {
	check(t, []fault{
		{"artifact", `"payload_bin":"a*b"`, "error binary payload_bin"},
		{"artifact", `"payload_bin":"YQ"`, "error binary payload_bin"},
		{"artifact", `"url":"https://example.com"`, "error exclusive url"},
		{"artifact", `"payload_bin":null`, "error required"},
		{"artifact", `"payload_bin":null,"url":"https://example.com","hashes":null`, "error required hashes"},
		{"artifact", `"mime_type":"jpeg"`, "warning mime-type mime_type"},
		{"artifact", `"encryption_algorithm":"rot13"`, "error enumeration encryption_algorithm"},
		{"artifact", `"encryption_algorithm":null`, "error required encryption_algorithm"},
		{"artifact", `"hashes":{"SHA-256":null,"MD4":"abc"}`, "warning hash-algorithm hashes.MD4"},
		{"artifact", `"hashes":{"x y":"abc"}`, "error dictionary-key hashes.x y\nwarning hash-algorithm hashes.x y"},
		{"autonomous-system", `"number":"15139"`, "error json-type number"},
		{"autonomous-system", `"number":-1`, "error range number"},
		{"directory", `"path_enc":"latin"`, "error character-set path_enc"},
		{"directory", `"contains_refs":["@url"]`, "error reference-type contains_refs[0]"},
		{"domain-name", `"value":""`, "error domain-name value"},
		{"domain-name", `"value":"exa mple.com"`, "error domain-name value"},
		{"domain-name", `"value":"example..com"`, "error domain-name value"},
		{"domain-name", `"value":"-example.com"`, "error domain-name value"},
		{"domain-name", `"value":"https://example.com"`, "error domain-name value"},
		{"domain-name", `"value":"_dmarc.example.com"`, "warning domain-name value"},
		{"domain-name", `"resolves_to_refs":["@url"]`, "error reference-type resolves_to_refs[0]"},
		{"email-addr", `"value":"john"`, "error email-address value"},
		{"email-addr", `"value":"John <john@example.com>"`, "error email-address value"},
		{"email-addr", `"belongs_to_ref":"@identity"`, "error reference-type belongs_to_ref"},
		{"email-message", `"body_multipart":[{"body":"b"}]`, "error multipart body_multipart"},
		{"email-message", `"is_multipart":true`, "error multipart body"},
		{"email-message", `"is_multipart":true,"body":null,"body_multipart":[{"content_type":"text/plain"}]`, "error required body_multipart[0]"},
		{"email-message", `"is_multipart":true,"body":null,"body_multipart":[{"body":"b","body_raw_ref":"@file"}]`, "error exclusive body_multipart[0].body_raw_ref"},
		{"email-message", `"is_multipart":true,"body":null,"body_multipart":[{"body_raw_ref":"@url"}]`, "error reference-type body_multipart[0].body_raw_ref"},
		{"email-message", `"additional_header_fields":{"Reply-To":"a"}`, "warning header-list additional_header_fields.Reply-To"},
		{"email-message", `"from_ref":"@user-account"`, "error reference-type from_ref"},
		{"file", `"hashes":null,"name":null,"name_enc":null`, "error required"},
		{"file", `"name":null`, "error required name"},
		{"file", `"name_enc":"Klingon"`, "error character-set name_enc"},
		{"file", `"size":-1`, "error range size"},
		{"file", `"magic_number_hex":"504b030"`, "error hex magic_number_hex"},
		{"file", `"magic_number_hex":"50xx"`, "error hex magic_number_hex"},
		{"file", `"magic_number_hex":"504B"`, "warning hex-case magic_number_hex"},
		{"file", `"parent_directory_ref":"@file"`, "error reference-type parent_directory_ref"},
		{"file", `"contains_refs":["@tool"]`, "error reference-type contains_refs[0]"},
		{"file", `"hashes":{"MD5":"abc"}`, "error hash-value hashes.MD5"},
		{"file", `"hashes":{"SHA256":"#SHA-256"}`, "warning hash-algorithm hashes.SHA256"},
		{"ipv4-addr", `"value":"999.1.1.1"`, "error ip-address value"},
		{"ipv4-addr", `"value":"1.2.3"`, "error ip-address value"},
		{"ipv4-addr", `"value":"1.2.3.4/33"`, "error ip-address value"},
		{"ipv4-addr", `"value":"1.2.3.4/01"`, "error ip-address value"},
		{"ipv4-addr", `"value":"1.2.3.4/00"`, "error ip-address value"},
		{"ipv4-addr", `"value":"1.2.3.4/a"`, "error ip-address value"},
		{"ipv4-addr", `"value":"1.2.3.4/"`, "error ip-address value"},
		{"ipv4-addr", `"value":"::1"`, "error ip-address value"},
		{"ipv4-addr", `"value":"foo"`, "error ip-address value"},
		{"ipv6-addr", `"value":"2001:db8::/129"`, "error ip-address value"},
		{"ipv6-addr", `"value":"2001:db8::/00"`, "error ip-address value"},
		{"ipv6-addr", `"value":"2001:db8::g"`, "error ip-address value"},
		{"ipv6-addr", `"value":"1.2.3.4"`, "error ip-address value"},
		{"ipv6-addr", `"value":"fe80::1%eth0"`, "error ip-address value"},
		{"mac-addr", `"value":"D2:FB:49:24:37:18"`, "error mac-address value"},
		{"mac-addr", `"value":"d2-fb-49-24-37-18"`, "error mac-address value"},
		{"mac-addr", `"value":"d2:fb:49:24:37"`, "error mac-address value"},
		{"network-traffic", `"src_ref":null,"dst_ref":null`, "error required"},
		{"network-traffic", `"src_ref":"@url"`, "error reference-type src_ref"},
		{"network-traffic", `"src_port":65536`, "error range src_port"},
		{"network-traffic", `"dst_port":-1`, "error range dst_port"},
		{"network-traffic", `"src_port":null`, "warning recommended src_port"},
		{"network-traffic", `"is_active":true`, "error active is_active"},
		{"network-traffic", `"end":"2014-11-11T11:11:10Z"`, "error time-order end"},
		{"network-traffic", `"protocols":["foo_bar","http","tcp"]`, "warning protocol protocols[0]"},
		{"network-traffic", `"protocols":["ipv4","udp"]`, "warning protocol protocols"},
		{"network-traffic", `"protocols":[]`, "error empty-list protocols\nwarning protocol protocols"},
		{"network-traffic", `"ipfix":{"a b":1}`, "error dictionary-key ipfix.a b"},
		{"network-traffic", `"ipfix":{"x":1.5}`, "error integer ipfix.x"},
		{"process", `"extensions":{"windows-process-ext":{"priority":"HIGH"}}`, "warning priority-class extensions.windows-process-ext.priority"},
		{"process", `"pid":1.5`, "error integer pid"},
		{"process", `"environment_variables":{"PATH":1}`, "error json-type environment_variables.PATH"},
		{"process", `"image_ref":"@artifact"`, "error reference-type image_ref"},
		{"software", `"cpe":"cpe:/a:microsoft:word"`, "error cpe cpe"},
		{"software", `"cpe":"word"`, "error cpe cpe"},
		{"software", `"languages":["eng"]`, "warning language languages[0]"},
		{"software", `"languages":["qqqq1"]`, "error language languages[0]"},
		{"software", `"languages":["klingon_"]`, "error language languages[0]"},
		{"url", `"value":"foo"`, "error url value"},
		{"url", `"value":"https://exa mple.com"`, "error url value"},
		{"url", `"value":"https://example.com/%zz"`, "warning url value"},
		{"url", `"value":"https://example.com/ü"`, "warning url value"},
		{"user-account", `"account_type":"minitel"`, "warning open-vocabulary account_type"},
		{"windows-registry-key", `"key":"HKLM\\System"`, "error registry-hive key"},
		{"windows-registry-key", `"values":[{"data_type":"REG_TEXT"}]`, "error enumeration values[0].data_type"},
		{"windows-registry-key", `"values":[{}]`, "error required values[0]"},
		{"windows-registry-key", `"creator_user_ref":"@identity"`, "error reference-type creator_user_ref"},
		{"x509-certificate", `"x509_v3_extensions":{"basic_constraints":5}`, "error json-type x509_v3_extensions.basic_constraints"},
		{"x509-certificate", `"validity_not_before":"soon"`, "error timestamp validity_not_before"},

		{"mutex", `"created":"` + moment + `"`, "warning not-applicable created"},
		{"mutex", `"created_by_ref":"@identity"`, "warning not-applicable created_by_ref"},
		{"mutex", `"revoked":true`, "warning not-applicable revoked"},
		{"mutex", `"external_references":[{"source_name":"s","description":"d"}]`, "warning not-applicable external_references"},
		{"mutex", `"spec_version":null`, ""},
		{"mutex", `"x_more":1`, "warning custom-property x_more"},
		{"mutex", `"defanged":"no"`, "error json-type defanged"},
	})
}

func TestValidatePredefinedExtensions(t *testing.T) {
	const pe, http = "extensions.windows-pebinary-ext", "extensions.http-request-ext"
	check(t, []fault{
		{"file", `"extensions":{"archive-ext":{"contains_refs":null}}`, "error required extensions.archive-ext.contains_refs"},
		{"file", `"extensions":{"archive-ext":{"contains_refs":["@url"]}}`, "error reference-type extensions.archive-ext.contains_refs[0]"},
		{"file", `"extensions":{"ntfs-ext":{}}`, "error empty-dictionary extensions.ntfs-ext"},
		{"file", `"extensions":{"ntfs-ext":{"alternate_data_streams":[{"size":1}]}}`, "error required extensions.ntfs-ext.alternate_data_streams[0].name"},
		{"file", `"extensions":{"pdf-ext":{"document_info_dict":{"a b":"c"}}}`, "error dictionary-key extensions.pdf-ext.document_info_dict.a b"},
		{"file", `"extensions":{"pdf-ext":{"is_optimized":"yes"}}`, "error json-type extensions.pdf-ext.is_optimized"},
		{"file", `"extensions":{"raster-image-ext":{"exif_tags":{"Make":[1]}}}`, "error json-type extensions.raster-image-ext.exif_tags.Make"},
		{"file", `"extensions":{"raster-image-ext":{"image_height":"1"}}`, "error json-type extensions.raster-image-ext.image_height"},
		{"file", `"extensions":{"windows-pebinary-ext":{"pe_type":"exe"}}`, "error required " + pe},
		{"file", `"extensions":{"windows-pebinary-ext":{"imphash":"i"}}`, "error required " + pe + ".pe_type"},
		{"file", `"extensions":{"windows-pebinary-ext":{"pe_type":"elf","imphash":"i"}}`, "warning open-vocabulary " + pe + ".pe_type"},
		{"file", `"extensions":{"windows-pebinary-ext":{"pe_type":"exe","time_date_stamp":"2016-01-22T12:31:12.5Z"}}`, "error timestamp " + pe + ".time_date_stamp"},
		{"file", `"extensions":{"windows-pebinary-ext":{"pe_type":"exe","optional_header":{"magic_hex":"1"}}}`, "error hex " + pe + ".optional_header.magic_hex"},
		{"file", `"extensions":{"windows-pebinary-ext":{"pe_type":"exe","optional_header":{}}}`, "error required " + pe + ".optional_header"},
		{"file", `"extensions":{"windows-pebinary-ext":{"pe_type":"exe","sections":[{"name":"a","entropy":9}]}}`, "error range " + pe + ".sections[0].entropy"},
		{"file", `"extensions":{"windows-pebinary-ext":{"pe_type":"exe","file_header_hashes":{"MD5":"1"}}}`, "error hash-value " + pe + ".file_header_hashes.MD5"},
		{"file", `"extensions":{"windows-pebinary-ext":{"pe_type":"exe","imphash":"i","x_more":1}}`, "warning custom-property " + pe + ".x_more"},
		{"network-traffic", `"extensions":{"http-request-ext":{"request_method":null}}`, "error required " + http + ".request_method"},
		{"network-traffic", `"extensions":{"http-request-ext":{"request_method":"GET"}}`, "warning word-form " + http + ".request_method"},
		{"network-traffic", `"extensions":{"http-request-ext":{"request_header":{"Accept":"a"}}}`, "warning header-list " + http + ".request_header.Accept"},
		{"network-traffic", `"extensions":{"tcp-ext":{"src_flags_hex":"2g"}}`, "error hex extensions.tcp-ext.src_flags_hex"},
		{"network-traffic", `"extensions":{"icmp-ext":{"icmp_type_hex":"08"}}`, "error required extensions.icmp-ext.icmp_code_hex\nwarning protocol protocols"},
		{"network-traffic", `"extensions":{"socket-ext":{"address_family":"AF_FOO"}}`, "error enumeration extensions.socket-ext.address_family"},
		{"network-traffic", `"extensions":{"socket-ext":{"is_blocking":true}}`, "error required extensions.socket-ext.address_family"},
		{"network-traffic", `"extensions":{"socket-ext":{"address_family":"AF_INET","socket_type":"SOCK"}}`, "error enumeration extensions.socket-ext.socket_type"},
		{"network-traffic", `"extensions":{"socket-ext":{"address_family":"AF_INET","options":{"TEST":1}}}`, "warning socket-option extensions.socket-ext.options.TEST"},
		{"network-traffic", `"extensions":{"socket-ext":{"address_family":"AF_INET","options":{"SO_TEST":"1"}}}`, "error json-type extensions.socket-ext.options.SO_TEST"},
		{"network-traffic", `"extensions":{"socket-ext":{"address_family":"AF_INET","socket_descriptor":-1}}`, "error range extensions.socket-ext.socket_descriptor"},
		{"process", `"extensions":{"windows-process-ext":{"integrity_level":"top"}}`, "error enumeration extensions.windows-process-ext.integrity_level"},
		{"process", `"extensions":{"windows-service-ext":{"start_type":"later"}}`, "error enumeration extensions.windows-service-ext.start_type"},
		{"process", `"extensions":{"windows-service-ext":{"service_type":"x","service_status":"y"}}`,
			"error enumeration extensions.windows-service-ext.service_status\nerror enumeration extensions.windows-service-ext.service_type"},
		{"process", `"extensions":{"windows-service-ext":{"service_dll_refs":["@software"]}}`, "error reference-type extensions.windows-service-ext.service_dll_refs[0]"},
		{"user-account", `"extensions":{"unix-account-ext":{"gid":"1"}}`, "error json-type extensions.unix-account-ext.gid"},
	})
	for _, typ := range []string{"process", "user-account", "windows-registry-key", "x509-certificate"} {
		raw := []byte(`{"type":"` + typ + `","spec_version":"2.1","id":"` + typ + someUUID + `"}`)
		if got := said(stix.Validate(raw)); len(got) != 1 || got[0] != "error required" {
			t.Errorf("empty %s: got %q", typ, got)
		}
	}
}

// TestDeterministicID compares with the identifiers of the specification's
// examples (Errata 01).
func TestDeterministicID(t *testing.T) {
	for id, body := range map[string]string{
		"ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4":            `"value":"198.51.100.3"`,
		"domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7":          `"value":"example.com"`,
		"email-addr--7165e2a9-671f-585d-b1e1-ca59c671d934":           `"value":"john@example.com","display_name":"John Doe"`,
		"directory--0a58d0c1-59e6-5afd-8252-dcd3f13e5622":            `"path":"C:\\Windows\\System32"`,
		"autonomous-system--3aa27478-50b5-5ab8-9da9-cdc12b657fff":    `"number":15139,"name":"Slime Industries","rir":"ARIN"`,
		"mutex--f93fe911-e545-5239-b9b0-597840d0c871":                `"name":"__CLEANSWEEP__"`,
		"url--47c3cf9a-5027-5bf0-997a-017c7edc7c55":                  `"value":"https://example.com/research/index.html"`,
		"mac-addr--757b1725-9903-54f5-a855-1240691d7659":             `"value":"d2:fb:49:24:37:18"`,
		"software--710b0b41-d4d0-5d6c-a400-fc9254554ffc":             `"name":"Word","cpe":"cpe:2.3:a:microsoft:word:2000:*:*:*:*:*:*:*","version":"2002","vendor":"Microsoft"`,
		"user-account--f94d689e-707d-58c3-b803-c720bb6ed096":         `"user_id":"1001","account_login":"jdoe","account_type":"unix"`,
		"windows-registry-key--1884b770-b679-522a-a9c7-45fadaaec7bb": `"key":"HKEY_LOCAL_MACHINE\\System\\Foo\\Bar"`,
		"x509-certificate--bf86f034-2390-54d7-8426-d08433db3fbe":     `"serial_number":"36:f7:d4:32:f4:ab:70:ea:d3:ce:98:6e:ea:99:93:49:32:0a:b7:06"`,
		// Not of the specification; made by another implementation of RFC 4122.
		"network-traffic--cc46dfc9-f15d-5ff8-b402-89dce93f6b18": `"protocols":["ipv4","tcp"],"src_ref":"ipv4-addr--9cf4a8ec-7640-5f40-a006-79942896168b",` +
			`"dst_ref":"ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4","src_port":3372,"src_packets":9,"extensions":{"tcp-ext":{"src_flags_hex":"02"}}`,
		"file--41da3e07-3349-54c6-b0eb-45591ef5f398": `"name":"a\u00fc\"\n","hashes":{"SHA3-256":"x","SHA-256":"` + strings.Repeat("d4", 32) + `"}`,
		"file--ec5e2374-9e88-5408-b83c-caa503c6f6c8": `"size":1,"hashes":{"SSDEEP":"3:AX:AX"}`,
	} {
		typ, _, _ := stix.SplitID(id)
		o, err := stix.Parse([]byte(`{"type":"` + typ + `","id":"` + id + `",` + body + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := o.DeterministicID(); !ok || got != id {
			t.Errorf("got %s, want %s of %s", got, id, body)
		}
	}
	check(t, []fault{
		{"mutex", `"id":"mutex--f93fe911-e545-5239-b9b0-597840d0c871"`, ""},
		{"mutex", `"id":"mutex--F93FE911-E545-5239-B9B0-597840D0C871"`, ""},
		{"mutex", `"id":"mutex--f93fe911-e545-5239-b9b0-597840d0c872"`, "warning deterministic-id id"},
		{"mutex", `"id":"mutex--3a1f6c9e-5d0b-4c6e-9b8a-2f4d7e1c0a95"`, "warning deterministic-id id"},
		{"process", `"id":"process--f93fe911-e545-5239-b9b0-597840d0c871"`, "warning uuid-version id"},
		{"x509-certificate", `"hashes":null,"serial_number":null,"id":"x509-certificate--f93fe911-e545-5239-b9b0-597840d0c871"`, "error uuid-version id"},
	})
}
