package stix

// observables are the STIX Cyber-observable Objects (§6); their predefined
// extensions stand in sco_extensions.go.
func observables() []spec {
	emails := list(ref("email-addr"))
	end := ref("ipv4-addr", "ipv6-addr", "mac-addr", "domain-name")
	files := []property{opt("ctime", timestamp), opt("mtime", timestamp), opt("atime", timestamp)}
	value := func(name, section string, r rule, more ...property) spec {
		return spec{family: sco, ids: []string{"value"}, shape: shape{
			name: name, section: section, props: append([]property{req("value", r)}, more...),
		}}
	}

	return []spec{
		{family: sco, ids: []string{"hashes", "payload_bin"}, shape: shape{name: "artifact", section: "6.1.1", props: []property{
			opt("mime_type", mimeType), opt("payload_bin", binary), opt("url", urlValue), opt("hashes", hashes),
			opt("encryption_algorithm", enum(encryptionAlgorithms)), opt("decryption_key", text),
		}, also: []rule{oneOf("payload_bin", "url"), needs("url", "hashes"), needs("decryption_key", "encryption_algorithm")}}},

		{family: sco, ids: []string{"number"}, shape: shape{name: "autonomous-system", section: "6.2.1", props: []property{
			req("number", integer(0, maxInteger)), opt("name", text), opt("rir", text),
		}}},

		{family: sco, ids: []string{"path"}, shape: shape{name: "directory", section: "6.3.1", props: append([]property{
			req("path", text), opt("path_enc", encodingName), opt("contains_refs", list(ref("file", "directory"))),
		}, files...)}},

		value("domain-name", "6.4.1", domainName, opt("resolves_to_refs", list(ref("ipv4-addr", "ipv6-addr", "domain-name")))),
		value("email-addr", "6.5.1", emailAddress, opt("display_name", text), opt("belongs_to_ref", ref("user-account"))),

		{family: sco, ids: []string{"from_ref", "subject", "body"}, shape: shape{name: "email-message", section: "6.6.1", props: []property{
			req("is_multipart", boolean), opt("date", timestamp), opt("content_type", text),
			opt("from_ref", ref("email-addr")), opt("sender_ref", ref("email-addr")), opt("to_refs", emails),
			opt("cc_refs", emails), opt("bcc_refs", emails), opt("message_id", text), opt("subject", text),
			opt("received_lines", list(text)), opt("additional_header_fields", namedAs(headerValues)), opt("body", text),
			opt("body_multipart", list(object(mimePart()))), opt("raw_email_ref", ref("artifact")),
		}, also: []rule{multipart}}},

		{family: sco, ids: []string{"hashes", "name", "extensions", "parent_directory_ref"}, exts: fileExtensions(),
			shape: shape{name: "file", section: "6.7.1", props: append([]property{
				opt("hashes", hashes), opt("size", notBelow0), opt("name", text), opt("name_enc", encodingName),
				opt("magic_number_hex", hexadecimal), opt("mime_type", mimeType),
				opt("parent_directory_ref", ref("directory")),
				opt("contains_refs", list(refFamily("a cyber-observable", sco))), opt("content_ref", ref("artifact")),
			}, files...), some: []string{"hashes", "name"}, also: []rule{needs("name_enc", "name")}}},

		value("ipv4-addr", "6.8.1", ipv4, opt("resolves_to_refs", list(ref("mac-addr"))), opt("belongs_to_refs", list(ref("autonomous-system")))),
		value("ipv6-addr", "6.9.1", ipv6, opt("resolves_to_refs", list(ref("mac-addr"))), opt("belongs_to_refs", list(ref("autonomous-system")))),
		value("mac-addr", "6.10.1", macAddress),

		{family: sco, ids: []string{"name"}, shape: shape{name: "mutex", section: "6.11.1", props: []property{req("name", text)}}},

		{family: sco, ids: []string{"start", "end", "src_ref", "dst_ref", "src_port", "dst_port", "protocols", "extensions"},
			exts: trafficExtensions(),
			shape: shape{name: "network-traffic", section: "6.12.1", props: []property{
				opt("start", timestamp), opt("end", timestamp), opt("is_active", boolean), opt("src_ref", end), opt("dst_ref", end),
				opt("src_port", integer(0, 65535)), opt("dst_port", integer(0, 65535)), req("protocols", list(protocol)),
				opt("src_byte_count", notBelow0), opt("dst_byte_count", notBelow0), opt("src_packets", notBelow0),
				opt("dst_packets", notBelow0), opt("ipfix", namedAs(integerOrText)), opt("src_payload_ref", ref("artifact")),
				opt("dst_payload_ref", ref("artifact")), opt("encapsulates_refs", list(ref("network-traffic"))),
				opt("encapsulated_by_ref", ref("network-traffic")),
			}, some: []string{"src_ref", "dst_ref"}, also: []rule{
				order("start", "end", true), ended, wishEnds, protocolExtensions,
			}}},

		{family: sco, exts: processExtensions(), shape: shape{name: "process", section: "6.13.1", props: []property{
			opt("is_hidden", boolean), opt("pid", anyInteger), opt("created_time", timestamp), opt("cwd", text),
			opt("command_line", text), opt("environment_variables", namedAs(text)),
			opt("opened_connection_refs", list(ref("network-traffic"))), opt("creator_user_ref", ref("user-account")),
			opt("image_ref", ref("file")), opt("parent_ref", ref("process")), opt("child_refs", list(ref("process"))),
		}, also: []rule{someOwn("extensions")}}},

		{family: sco, ids: []string{"name", "cpe", "swid", "vendor", "version"}, shape: shape{name: "software", section: "6.14.1", props: []property{
			req("name", text), opt("cpe", cpe), opt("swid", text), opt("languages", list(softwareLanguage)), opt("vendor", text),
			opt("version", text),
		}}},

		value("url", "6.15.1", urlValue),

		{family: sco, ids: []string{"account_type", "user_id", "account_login"}, exts: accountExtensions(),
			shape: shape{name: "user-account", section: "6.16.1", props: []property{
				opt("user_id", text), opt("credential", text), opt("account_login", text), opt("account_type", open(accountTypes)),
				opt("display_name", text), opt("is_service_account", boolean), opt("is_privileged", boolean),
				opt("can_escalate_privs", boolean), opt("is_disabled", boolean), opt("account_created", timestamp),
				opt("account_expires", timestamp), opt("credential_last_changed", timestamp),
				opt("account_first_login", timestamp), opt("account_last_login", timestamp),
			}, also: []rule{someOwn("extensions")}}},

		{family: sco, ids: []string{"key", "values"}, shape: shape{name: "windows-registry-key", section: "6.17.1", props: []property{
			opt("key", registryKey), opt("values", list(object(registryValue()))), opt("modified_time", timestamp),
			opt("creator_user_ref", ref("user-account")), opt("number_of_subkeys", notBelow0),
		}, also: []rule{someOwn()}}},

		{family: sco, ids: []string{"hashes", "serial_number"}, shape: shape{name: "x509-certificate", section: "6.18.1", props: []property{
			opt("is_self_signed", boolean), opt("hashes", hashes), opt("version", text), opt("serial_number", text),
			opt("signature_algorithm", text), opt("issuer", text), opt("validity_not_before", timestamp),
			opt("validity_not_after", timestamp), opt("subject", text), opt("subject_public_key_algorithm", text),
			opt("subject_public_key_modulus", text), opt("subject_public_key_exponent", anyInteger),
			opt("x509_v3_extensions", object(x509v3())),
		}, also: []rule{someOwn()}}},
	}
}

// mimePart is one part of an e-mail's body.
func mimePart() *shape {
	return &shape{name: "email-mime-part-type", section: "6.6.2", props: []property{
		opt("body", text), opt("body_raw_ref", ref("artifact", "file")), opt("content_type", text), opt("content_disposition", text),
	}, also: []rule{oneOf("body", "body_raw_ref")}}
}

func registryValue() *shape {
	return &shape{name: "windows-registry-value-type", section: "6.17.2", props: []property{
		opt("name", text), opt("data", text), opt("data_type", enum(registryTypes)),
	}, some: []string{"*"}}
}

func x509v3() *shape {
	s := &shape{name: "x509-v3-extensions-type", section: "6.18.2", some: []string{"*"}, props: []property{
		opt("private_key_usage_period_not_before", timestamp), opt("private_key_usage_period_not_after", timestamp),
	}}
	for _, n := range []string{
		"basic_constraints", "name_constraints", "policy_constraints", "key_usage", "extended_key_usage",
		"subject_key_identifier", "authority_key_identifier", "subject_alternative_name", "issuer_alternative_name",
		"subject_directory_attributes", "crl_distribution_points", "inhibit_any_policy", "certificate_policies", "policy_mappings",
	} {
		s.props = append(s.props, opt(n, text))
	}
	return s
}
