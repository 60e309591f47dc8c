// A few towns for orientation; names as their own people write them.
export const cities: readonly { lon: number; lat: number; en: string; ur: string; fa: string; from: number }[] = [
  { lon: 69.17, lat: 34.53, en: 'Kabul', ur: 'کابل', fa: 'کابل', from: 0 },
  { lon: 65.71, lat: 31.61, en: 'Kandahar', ur: 'قندھار', fa: 'کندهار', from: 0 },
  { lon: 62.2, lat: 34.35, en: 'Herat', ur: 'ہرات', fa: 'هرات', from: 0 },
  { lon: 67.11, lat: 36.71, en: 'Mazar-i-Sharif', ur: 'مزار شریف', fa: 'مزارشریف', from: 3 },
  { lon: 70.45, lat: 34.43, en: 'Jalalabad', ur: 'جلال آباد', fa: 'جلال‌آباد', from: 4 },
  { lon: 69.92, lat: 33.34, en: 'Khost', ur: 'خوست', fa: 'خوست', from: 6 },
  { lon: 71.58, lat: 34.01, en: 'Peshawar', ur: 'پشاور', fa: 'پشاور', from: 0 },
  { lon: 73.05, lat: 33.69, en: 'Islamabad', ur: 'اسلام آباد', fa: 'اسلام‌آباد', from: 2 },
  { lon: 74.34, lat: 31.55, en: 'Lahore', ur: 'لاہور', fa: 'لاهور', from: 0 },
  { lon: 66.99, lat: 30.19, en: 'Quetta', ur: 'کوئٹہ', fa: 'کویته', from: 0 },
  { lon: 67.01, lat: 24.86, en: 'Karachi', ur: 'کراچی', fa: 'کراچی', from: 0 },
  { lon: 71.47, lat: 30.2, en: 'Multan', ur: 'ملتان', fa: 'مولتان', from: 4 },
  { lon: 70.91, lat: 31.83, en: 'Dera Ismail Khan', ur: 'ڈیرہ اسماعیل خان', fa: 'دیره اسماعیل خان', from: 6 },
  { lon: 70.6, lat: 32.99, en: 'Bannu', ur: 'بنوں', fa: 'بنو', from: 8 },
  { lon: 66.45, lat: 30.92, en: 'Chaman', ur: 'چمن', fa: 'چمن', from: 6 },
  { lon: 72.36, lat: 34.77, en: 'Mingora', ur: 'مینگورہ', fa: 'مینگوره', from: 8 },
]
