package stix

// fileExtensions are the predefined extensions of file (§6.7.2 to §6.7.6).
func fileExtensions() map[string]rule {
	return map[string]rule{
		"archive-ext": object(&shape{name: "archive-ext", section: "6.7.2", props: []property{
			req("contains_refs", list(ref("file", "directory"))), opt("comment", text),
		}}),
		"ntfs-ext": object(&shape{name: "ntfs-ext", section: "6.7.3", some: []string{"*"}, props: []property{
			opt("sid", text),
			opt("alternate_data_streams", list(object(&shape{name: "alternate-data-stream-type", section: "6.7.3", props: []property{
				req("name", text), opt("hashes", hashes), opt("size", notBelow0),
			}}))),
		}}),
		"pdf-ext": object(&shape{name: "pdf-ext", section: "6.7.4", some: []string{"*"}, props: []property{
			opt("version", text), opt("is_optimized", boolean), opt("document_info_dict", namedAs(text)),
			opt("pdfid0", text), opt("pdfid1", text),
		}}),
		"raster-image-ext": object(&shape{name: "raster-image-ext", section: "6.7.5", some: []string{"*"}, props: []property{
			opt("image_height", anyInteger), opt("image_width", anyInteger), opt("bits_per_pixel", anyInteger),
			opt("exif_tags", namedAs(integerOrText)),
		}}),
		"windows-pebinary-ext": object(&shape{name: "windows-pebinary-ext", section: "6.7.6", some: []string{"*"}, props: []property{
			req("pe_type", open(peTypes)), opt("imphash", text), opt("machine_hex", hexadecimal),
			opt("number_of_sections", notBelow0), opt("time_date_stamp", secondsOnly),
			opt("pointer_to_symbol_table_hex", hexadecimal), opt("number_of_symbols", notBelow0),
			opt("size_of_optional_header", notBelow0), opt("characteristics_hex", hexadecimal),
			opt("file_header_hashes", hashes), opt("optional_header", object(peHeader())),
			opt("sections", list(object(&shape{name: "windows-pe-section-type", section: "6.7.6", props: []property{
				req("name", text), opt("size", notBelow0), opt("entropy", float(0, 8)), opt("hashes", hashes),
			}}))),
		}}),
	}
}

func peHeader() *shape {
	s := &shape{name: "windows-pe-optional-header-type", section: "6.7.6", some: []string{"*"}, props: []property{opt("hashes", hashes)}}
	for _, n := range []string{
		"magic_hex", "win32_version_value_hex", "checksum_hex", "subsystem_hex", "dll_characteristics_hex", "loader_flags_hex",
	} {
		s.props = append(s.props, opt(n, hexadecimal))
	}
	for _, n := range []string{
		"major_linker_version", "minor_linker_version", "address_of_entry_point", "base_of_code", "base_of_data",
		"image_base", "section_alignment", "file_alignment", "major_os_version", "minor_os_version",
		"major_image_version", "minor_image_version", "major_subsystem_version", "minor_subsystem_version",
		"number_of_rva_and_sizes",
	} {
		s.props = append(s.props, opt(n, anyInteger))
	}
	for _, n := range []string{
		"size_of_code", "size_of_initialized_data", "size_of_uninitialized_data", "size_of_image", "size_of_headers",
		"size_of_stack_reserve", "size_of_stack_commit", "size_of_heap_reserve", "size_of_heap_commit",
	} {
		s.props = append(s.props, opt(n, notBelow0))
	}
	return s
}

// trafficExtensions are the predefined extensions of network-traffic (§6.12.2
// to §6.12.5).
func trafficExtensions() map[string]rule {
	return map[string]rule{
		"http-request-ext": object(&shape{name: "http-request-ext", section: "6.12.2", props: []property{
			req("request_method", lowerCase), req("request_value", text), opt("request_version", lowerCase),
			opt("request_header", namedAs(headerValues)), opt("message_body_length", notBelow0),
			opt("message_body_data_ref", ref("artifact")),
		}}),
		"icmp-ext": object(&shape{name: "icmp-ext", section: "6.12.3", props: []property{
			req("icmp_type_hex", hexadecimal), req("icmp_code_hex", hexadecimal),
		}}),
		"socket-ext": object(&shape{name: "socket-ext", section: "6.12.4", props: []property{
			req("address_family", enum(socketFamilies)), opt("is_blocking", boolean), opt("is_listening", boolean),
			opt("options", namedAs(socketOption)), opt("socket_type", enum(socketTypes)),
			opt("socket_descriptor", notBelow0), opt("socket_handle", anyInteger),
		}}),
		"tcp-ext": object(&shape{name: "tcp-ext", section: "6.12.5", some: []string{"*"}, props: []property{
			opt("src_flags_hex", hexadecimal), opt("dst_flags_hex", hexadecimal),
		}}),
	}
}

// processExtensions are the predefined extensions of process (§6.13.2, §6.13.3).
func processExtensions() map[string]rule {
	return map[string]rule{
		"windows-process-ext": object(&shape{name: "windows-process-ext", section: "6.13.2", some: []string{"*"}, props: []property{
			opt("aslr_enabled", boolean), opt("dep_enabled", boolean), opt("priority", priorityClass), opt("owner_sid", text),
			opt("window_title", text), opt("startup_info", namedAs(anything)), opt("integrity_level", enum(integrityLevels)),
		}}),
		"windows-service-ext": object(&shape{name: "windows-service-ext", section: "6.13.3", some: []string{"*"}, props: []property{
			opt("service_name", text), opt("descriptions", list(text)), opt("display_name", text), opt("group_name", text),
			opt("start_type", enum(serviceStarts)), opt("service_dll_refs", list(ref("file"))),
			opt("service_type", enum(serviceTypes)), opt("service_status", enum(serviceStatuses)),
		}}),
	}
}

// accountExtensions is the predefined extension of user-account (§6.16.2).
func accountExtensions() map[string]rule {
	return map[string]rule{
		"unix-account-ext": object(&shape{name: "unix-account-ext", section: "6.16.2", some: []string{"*"}, props: []property{
			opt("gid", anyInteger), opt("groups", list(text)), opt("home_dir", text), opt("shell", text),
		}}),
	}
}
